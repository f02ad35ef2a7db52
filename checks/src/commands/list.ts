import { profilesOf } from '../engine/gate.ts';
import { checksHere } from '../plugins.ts';
import type { Streams } from './terminal.ts';

/** Every gate and drill. The names of the JSON are a contract. */
export async function list(flags: { json?: boolean; config: string }, { stdout }: Streams): Promise<number> {
  const checks = await checksHere(process.cwd(), flags.config);
  const entries = checks.map((check) => {
    const { id, kind, severity, needs, covers } = check;
    return { id, kind, severity, needs, covers, profiles: profilesOf(check) };
  });
  if (flags.json) {
    stdout.write(`${JSON.stringify(entries, null, 2)}\n`);
    return 0;
  }
  const width = Math.max(...entries.map(({ id }) => id.length));
  for (const { id, kind, severity, needs, profiles } of entries) {
    const wants = needs.length > 0 ? `  needs ${needs.join(', ')}` : '';
    stdout.write(
      `${id.padEnd(width)}  ${kind.padEnd(5)}  ${severity.padEnd(8)}  ${(profiles[0] ?? '').padEnd(7)}${wants}\n`,
    );
  }
  return 0;
}
