import { z } from 'zod';

/** A node of EXPLAIN (FORMAT JSON), as far as it is read. Counts are per loop. */
export interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string | undefined;
  'Index Name'?: string | undefined;
  'Actual Rows'?: number | undefined;
  'Actual Loops'?: number | undefined;
  'Rows Removed by Filter'?: number | undefined;
  'Shared Hit Blocks'?: number | undefined;
  'Shared Read Blocks'?: number | undefined;
  'Total Cost'?: number | undefined;
  Plans?: PlanNode[] | undefined;
}

const node: z.ZodType<PlanNode> = z.object({
  'Node Type': z.string(),
  'Relation Name': z.string().optional(),
  'Index Name': z.string().optional(),
  'Actual Rows': z.number().optional(),
  'Actual Loops': z.number().optional(),
  'Rows Removed by Filter': z.number().optional(),
  'Shared Hit Blocks': z.number().optional(),
  'Shared Read Blocks': z.number().optional(),
  'Total Cost': z.number().optional(),
  get Plans() {
    return z.array(node).optional();
  },
});
const explained = z.tuple([z.object({ Plan: node })]);

/** What a plan did, or would do. */
export interface PlanSummary {
  /** Tables that it reads from one end to the other. A node that was never executed is not counted. */
  scanned: string[];
  indexes: string[];
  /** Pages, from the cache or not. */
  buffers: number;
  /** Rows that its scans looked at, those that a filter then threw away included. */
  rowsRead: number;
  /** What the planner expects it to cost, in its own unit: a page read in sequence is 1. */
  cost: number;
}

/** Reads what EXPLAIN (FORMAT JSON) answers in one row. @throws when it is another format. */
export function readPlan(text: string): PlanSummary {
  const [{ Plan: root }] = explained.parse(JSON.parse(text));
  const summary: PlanSummary = {
    scanned: [],
    indexes: [],
    buffers: (root['Shared Hit Blocks'] ?? 0) + (root['Shared Read Blocks'] ?? 0),
    rowsRead: 0,
    cost: root['Total Cost'] ?? 0,
  };
  for (const each of nodesOf(root)) add(summary, each);
  return { ...summary, scanned: [...new Set(summary.scanned)].sort(), indexes: [...new Set(summary.indexes)].sort() };
}

function add(summary: PlanSummary, each: PlanNode): void {
  const loops = each['Actual Loops'] ?? 1;
  if (loops === 0 || !each['Node Type'].includes('Scan')) return;
  const [relation, index] = [each['Relation Name'], each['Index Name']];
  if (index !== undefined) summary.indexes.push(index);
  if (each['Node Type'] === 'Seq Scan' && relation !== undefined) summary.scanned.push(relation);
  if (relation === undefined) return;
  summary.rowsRead += Math.round(((each['Actual Rows'] ?? 0) + (each['Rows Removed by Filter'] ?? 0)) * loops);
}

function nodesOf(root: PlanNode): PlanNode[] {
  return [root, ...(root.Plans ?? []).flatMap(nodesOf)];
}
