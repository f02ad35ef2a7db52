import { allItems } from '../checklist/items/index.ts';
import type { Role } from '../checklist/role.ts';
import type { Asked } from '../engine/signoff-check.ts';

/** How often a task has to be done, with the days for which it is done then. */
export const periods = { daily: 1, weekly: 7, monthly: 30, quarterly: 90 } as const;
export type Period = keyof typeof periods;

/** Something that has to be done again and again, and what shows that it was. */
export interface Task {
  /** Of the checklists. */
  readonly item: string;
  readonly period: Period;
  /** Who signs that it is done, and what they have to show. */
  readonly role: Role;
  readonly evidence: string;
  /** Checks that are the task: evidence of a run in which each of them passed shows it, too. */
  readonly passing?: readonly string[];
}

/** Tasks with a gate of their own: without evidence of its period the gate is red. */
const gated: readonly Task[] = [
  {
    ...{ item: 'maintenance.daily.health', period: 'daily', role: 'operations' },
    evidence: "The answer of /api/v1/health and the dashboard's first row, and what was done about what was not well.",
  },
  {
    ...{ item: 'maintenance.daily.errors', period: 'daily', role: 'operations' },
    evidence: 'The errors of the last day by their message, each with its count and its cause.',
  },
  {
    ...{ item: 'maintenance.daily.performance', period: 'daily', role: 'operations' },
    evidence: 'The objectives with what was measured on the last day, and how much of the error budget is left.',
  },
  {
    ...{ item: 'maintenance.daily.backups', period: 'daily', role: 'operations' },
    evidence: "The last backup's name and time, and the output of its verification.",
  },
  {
    ...{ item: 'maintenance.daily.security-alerts', period: 'daily', role: 'security' },
    evidence: 'The alerts of the last day, each with what became of it.',
  },
  {
    ...{ item: 'maintenance.daily.trading', period: 'daily', role: 'operations' },
    evidence: 'The output of the smoke tests on the target: an order placed, seen and cancelled.',
  },
  {
    ...{ item: 'maintenance.weekly.trends', period: 'weekly', role: 'engineering' },
    evidence: 'Latency, throughput and error rate of the week beside those of the weeks before.',
  },
  {
    ...{ item: 'maintenance.weekly.security-scan', period: 'weekly', role: 'security' },
    evidence: 'The report of the scan, and what became of each finding.',
    passing: ['secrets/no-secret-in-tree', 'secrets/no-secret-in-history', 'supply-chain/no-known-vulnerability'],
  },
  {
    ...{ item: 'maintenance.weekly.capacity', period: 'weekly', role: 'operations' },
    evidence: 'Disk, memory, connections and queue lengths of the week, and when each would be full.',
  },
  {
    ...{ item: 'maintenance.weekly.configuration', period: 'weekly', role: 'devops' },
    evidence: 'What runs beside what the repository says, and who changed what of it.',
  },
  {
    ...{ item: 'maintenance.quarterly.benchmark', period: 'quarterly', role: 'engineering' },
    evidence: 'The result of the load test, with commit and machine.',
    passing: ['load/placement-meets-its-latency'],
  },
];

/** Tasks that a person alone can answer for: their items say who, and on what evidence. */
const signedOnly: Readonly<Record<string, Period>> = {
  'maintenance.weekly.recovery-review': 'weekly',
  'maintenance.weekly.knowledge': 'weekly',
  'failover.recovery.monthly': 'monthly',
  'maintenance.monthly.security': 'monthly',
  'maintenance.monthly.performance': 'monthly',
  'backups.restore.monthly': 'monthly',
  'maintenance.monthly.documentation': 'monthly',
  'maintenance.monthly.training': 'monthly',
  'maintenance.quarterly.security': 'quarterly',
  'failover.recovery.quarterly': 'quarterly',
  'maintenance.capacity-plan': 'quarterly',
  'maintenance.quarterly.technology': 'quarterly',
  'maintenance.quarterly.continuity': 'quarterly',
};

/** Every task, in the order in which they come round. */
export const tasks: readonly Task[] = inOrder([...gated, ...Object.entries(signedOnly).map(signedTask)]);

function signedTask([item, period]: [string, Period]): Task {
  const answer = allItems.find(({ id }) => id === item)?.answer;
  if (answer?.kind !== 'sign-off') throw new Error(`${item} is answered by no sign-off: it is no task of a person`);
  return { item, period, role: answer.role, evidence: answer.evidence };
}

function inOrder(all: readonly Task[]): Task[] {
  return all.toSorted((one, other) => periods[one.period] - periods[other.period]);
}

/** @throws for an item that is no task. */
export function taskOf(item: string): Task {
  const task = tasks.find((each) => each.item === item);
  if (!task) throw new Error(`${item} is no maintenance task`);
  return task;
}

/** A task as something that a person signs off. It holds for its period. */
export function askedOfTask({ item, role, evidence, period }: Task): Asked {
  return { id: item, answer: { kind: 'sign-off', role, evidence, holdsDays: periods[period] } };
}
