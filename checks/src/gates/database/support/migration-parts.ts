const downMarker = /^--[\s-]*down migration/im;

/** The SQL of both ways of a migration. Each has as many lines before it as in the file, so that its lines are the file's. */
export interface MigrationParts {
  up: string;
  /** Empty where the file has no way back in it. */
  down: string;
}

export function partsOf(text: string): MigrationParts {
  const at = downMarker.exec(text)?.index;
  if (at === undefined) return { up: text, down: '' };
  const up = text.slice(0, at);
  return { up, down: up.replace(/[^\n]/g, '') + text.slice(at) };
}
