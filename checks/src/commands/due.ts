import { loadConfig } from '../config.ts';
import { spelt } from '../engine/duration.ts';
import { type Doing, doneOf, openLedger } from '../maintenance/done.ts';
import { type Period, periods, type Task, tasks } from '../maintenance/tasks.ts';
import type { Streams } from './terminal.ts';

export interface DueFlags {
  config: string;
  json?: boolean;
}

/** A task is overdue. A wrong flag is 2, as everywhere. */
const someOverdue = 1;

/** A maintenance task as it stands. The names of the JSON are a contract. */
interface DueTask {
  item: string;
  period: Period;
  role: string;
  overdue: boolean;
  /** When it has to be done again; null when nothing shows that it ever was. */
  due: string | null;
  last: Doing | null;
  /** Sign-offs of it that show nothing, each with the reason. */
  refused: string[];
}

/**
 * Which maintenance is due, what is overdue first.
 * @returns 0; 1 when a task is overdue.
 */
export async function due({ config: file, json }: DueFlags, { stdout }: Streams): Promise<number> {
  const root = process.cwd();
  const ledger = await openLedger(root, await loadConfig(root, file), new Date());
  const standing: DueTask[] = [];
  for (const task of tasks) standing.push(stands(task, await doneOf(task, ledger), ledger.now));
  const sorted = standing.sort(byUrgency);
  stdout.write(json ? `${JSON.stringify({ tasks: sorted }, null, 2)}\n` : table(sorted, ledger.now));
  return sorted.some(({ overdue }) => overdue) ? someOverdue : 0;
}

function stands({ item, period, role }: Task, { doings, refused }: Awaited<ReturnType<typeof doneOf>>, now: Date) {
  const past = doings.filter(({ at }) => Date.parse(at) <= now.getTime());
  // What holds longest counts: a later sign-off may have been given for a shorter time.
  const last = past.toSorted((one, other) => Date.parse(one.until) - Date.parse(other.until)).at(-1) ?? null;
  const overdue = last === null || Date.parse(last.until) <= now.getTime();
  return { item, period, role, overdue, due: last?.until ?? null, last, refused };
}

/** What was never done comes before what is late, the latest of which comes first; of equals, what comes round more often. */
function byUrgency(one: DueTask, other: DueTask): number {
  const at = ({ due }: DueTask) => (due === null ? Number.NEGATIVE_INFINITY : Date.parse(due));
  if (at(one) !== at(other)) return at(one) - at(other);
  return periods[one.period] - periods[other.period];
}

function table(standing: readonly DueTask[], now: Date): string {
  const width = Math.max(...standing.map(({ item }) => item.length));
  const lines = standing.map(({ item, period, role, refused, ...task }) => {
    const reasons = refused.map((reason) => `    ${reason}\n`).join('');
    return `${task.overdue ? '✗' : '✓'} ${item.padEnd(width)}  ${period.padEnd(9)}  ${role.padEnd(11)}  ${when(task, now)}\n${reasons}`;
  });
  const overdue = standing.filter((task) => task.overdue).length;
  return `${lines.join('')}\n${overdue} of ${standing.length} overdue; \`preflight sign ITEM\` records what was done\n`;
}

function when({ last, due }: Pick<DueTask, 'last' | 'due'>, now: Date): string {
  if (last === null || due === null) return 'never done';
  const leftMs = Date.parse(due) - now.getTime();
  const state = leftMs > 0 ? `due in ${spelt(leftMs)}` : `overdue for ${spelt(-leftMs)}`;
  return `${state}; last ${last.at} by ${last.by}`;
}
