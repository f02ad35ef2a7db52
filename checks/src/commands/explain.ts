import { findCheck } from '../engine/select.ts';
import { checksHere } from '../plugins.ts';
import type { Streams } from './terminal.ts';

/** What a check is for, and what to do when it is red. @throws UsageError for an unknown id, with the nearest one. */
export async function explain(id: string, flags: { config: string }, { stdout }: Streams): Promise<number> {
  const check = findCheck(await checksHere(process.cwd(), flags.config), id);
  const rows = [
    ['why', check.why],
    ['fix', check.fix],
    ['source', check.source],
    ['severity', check.severity],
    ['profile', check.profile],
    ['needs', check.needs.join(', ') || 'nothing but the files'],
    ['counts', check.unit],
    ...(check.unwaivable ? [['waiver', 'none is accepted']] : []),
    ['answers', check.covers.join(', ')],
    ['run it', `npx preflight run ${check.id}`],
    ['prove it', `npx preflight prove ${check.id}`],
  ];
  const text = rows.map(([name = '', value = '']) => `  ${`${name}:`.padEnd(10)} ${value}`).join('\n');
  stdout.write(`${check.id} (${check.kind})\n${text}\n`);
  return 0;
}
