/** One block of a configuration of logrotate. */
export interface Rotation {
  paths: string[];
  file: string;
  line: number;
  /** Words after a directive; the empty string where there is none. */
  directives: Record<string, string>;
}

/** How many days lie between two rotations, by the directive that says so. */
const periods: Readonly<Record<string, number>> = { hourly: 1 / 24, daily: 1, weekly: 7, monthly: 28, yearly: 365 };

/**
 * Reads the blocks, and what stands before them as what each begins with. Scripts are left out.
 * @throws with the line of what is no block and no directive.
 */
export function readRotations(text: string, file: string): Rotation[] {
  const common: Record<string, string> = {};
  const blocks: Rotation[] = [];
  let [open, inScript]: [Rotation | undefined, boolean] = [undefined, false];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/#.*$/, '').trim();
    if (line === '') continue;
    if (inScript) inScript = line !== 'endscript';
    else if (/^(?:pre|post|first|last)(?:rotate|action)$/.test(line)) inScript = true;
    else if (line === '}') open = undefined;
    else if (line.endsWith('{')) {
      const paths = line.slice(0, -1).trim().split(/\s+/);
      open = { paths, file, line: index + 1, directives: { ...common } };
      blocks.push(open);
    } else {
      const [, name = '', rest = ''] = /^([a-z]+)\b\s*(.*)$/.exec(line) ?? [];
      if (name === '') throw new Error(`${file}:${index + 1} is nothing that logrotate reads`);
      (open?.directives ?? common)[name] = rest;
    }
  }
  return blocks;
}

/** For how many days a block keeps what it has rotated; 0 where nothing says when it rotates. */
export function daysKept({ directives }: Rotation): number {
  const period = Object.entries(periods).find(([name]) => name in directives)?.[1] ?? 0;
  const kept = Number(directives.rotate ?? 0) * period;
  return Math.min(kept, Number(directives.maxage ?? Infinity));
}
