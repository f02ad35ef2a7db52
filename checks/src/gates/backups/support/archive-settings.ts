/** What a file of PostgreSQL's settings says about the archive of the write-ahead log. */
export interface ArchiveSettings {
  isOn: boolean;
  command: string;
  /** 0: a segment waits until it is full. */
  timeoutSeconds: number;
  /** Of archive_timeout; null: it is not set. */
  line: number | null;
}

const secondsPer: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3_600, d: 86_400, '': 1 };

/** The last line of a setting wins, as in PostgreSQL. @throws for a time that PostgreSQL would not take either. */
export function parseArchiveSettings(text: string): ArchiveSettings {
  const seen = new Map<string, { value: string; line: number }>();
  for (const [index, line] of text.split('\n').entries()) {
    const [, name = '', quoted, plain = ''] = /^\s*(\w+)\s*=?\s*(?:'((?:[^']|'')*)'|([^\s#']+))/.exec(line) ?? [];
    if (name !== '') seen.set(name.toLowerCase(), { value: quoted ?? plain, line: index + 1 });
  }
  const timeout = seen.get('archive_timeout');
  return {
    isOn: ['on', 'always'].includes(seen.get('archive_mode')?.value ?? 'off'),
    command: seen.get('archive_command')?.value ?? '',
    timeoutSeconds: timeout ? secondsOf(timeout.value) : 0,
    line: timeout?.line ?? null,
  };
}

function secondsOf(value: string): number {
  const [, amount, unit = ''] = /^(\d+)\s*([a-z]*)$/.exec(value) ?? [];
  const seconds = secondsPer[unit];
  if (amount === undefined || seconds === undefined) throw new Error(`archive_timeout is no time: ${value}`);
  return Number(amount) * seconds;
}
