import * as z from 'zod';

/** What EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) says, in figures that another machine gives too, and the time. */
export interface PlanFigures {
  /** Rows of execution.orders that scans visited, those that a filter then dropped included. */
  readonly rows: number;
  /** Shared buffers hit and read, of 8 KiB. */
  readonly buffers: number;
  readonly timeMs: number;
  /** Tables that grow with the orders and were read from end to end. */
  readonly scanned: readonly string[];
}

/** Tables whose size follows the number of orders ever placed. The others have a row per symbol or account. */
const GROWING = ['orders', 'order_events', 'fills', 'portfolio_events_outbox'];

const node = z.object({
  'Node Type': z.string(),
  'Relation Name': z.string().optional(),
  'Actual Rows': z.number(),
  'Actual Loops': z.number(),
  'Rows Removed by Filter': z.number().default(0),
  'Rows Removed by Index Recheck': z.number().default(0),
  'Shared Hit Blocks': z.number(),
  'Shared Read Blocks': z.number(),
  get Plans() {
    return z.array(node).default([]);
  },
});
type Node = z.output<typeof node>;
const document = z.tuple([z.object({ Plan: node, 'Execution Time': z.number() })]);

/** @throws ZodError when it is no such plan. */
export function readPlan(explained: unknown): PlanFigures {
  const [{ Plan: root, 'Execution Time': timeMs }] = document.parse(explained);
  const scans = nodesOf(root).filter(
    (each) => each['Node Type'].includes('Scan') && each['Relation Name'] !== undefined,
  );
  return {
    rows: scans.filter((scan) => scan['Relation Name'] === 'orders').reduce((sum, scan) => sum + visited(scan), 0),
    buffers: root['Shared Hit Blocks'] + root['Shared Read Blocks'],
    timeMs,
    scanned: scans
      .filter((scan) => scan['Node Type'] === 'Seq Scan' && scan['Actual Loops'] > 0)
      .flatMap((scan) => GROWING.filter((table) => table === scan['Relation Name'])),
  };
}

function visited(scan: Node): number {
  const each = scan['Actual Rows'] + scan['Rows Removed by Filter'] + scan['Rows Removed by Index Recheck'];
  return Math.round(each * scan['Actual Loops']);
}

function nodesOf(root: Node): Node[] {
  return [root, ...root.Plans.flatMap(nodesOf)];
}
