import type { Finding } from '../../engine/gate.ts';
import type { StrikeRow } from './strike-row.ts';

/** What became of orders of one kind while the time went across an edge. Times are milliseconds from the edge. */
export interface EdgeSeen {
  edge: string;
  /** On the clocks, ISO. */
  at: string;
  kind: string;
  placed: number;
  refused: (number | null)[];
  /** Of the orders that were placed, those that the rule of their kind speaks of. */
  judged: number;
  /** Executed when they must not be. */
  executedWrongly: number[];
  /** Not executed, or not ended, though they must be. */
  missed: number;
  /** Executed more than once. */
  doubled: number;
}

export function findingsOfEdge(seen: EdgeSeen): Finding[] {
  const { edge, at, kind, judged, placed, refused, executedWrongly, missed, doubled } = seen;
  const found: (Finding & { when: boolean })[] = [
    {
      when: judged === 0,
      message: `nothing is known of ${kind} at ${edge}: of ${placed}, none fell into a time of which it is sure what becomes of them`,
      identity: 'nothing seen',
      fix: 'Run the drill on a machine that is less busy.',
    },
    {
      when: refused.length > 0,
      message: `${refused.length} ${kind} were not taken at ${edge} (${at}): ${refused.map((status) => status ?? 'no answer').join(', ')}`,
      identity: 'refused',
    },
    {
      when: executedWrongly.length > 0,
      message: `${executedWrongly.length} ${kind} were executed on the wrong side of ${edge} (${at}), the first ${executedWrongly[0]} ms from it`,
      identity: 'wrong side',
      fix: 'Ask a calendar with the market’s own time zone whether it is open, for each cycle anew.',
    },
    {
      when: missed > 0,
      message: `${missed} of ${judged} ${kind} did not come to what they must at ${edge} (${at})`,
      identity: 'missed',
      fix: 'Ask a calendar with the market’s own time zone whether it is open, for each cycle anew.',
    },
    {
      when: doubled > 0,
      message: `${doubled} ${kind} were executed more than once around ${edge} (${at})`,
      identity: 'doubled',
    },
  ];
  return found
    .filter(({ when }) => when)
    .map(({ when: _, ...finding }) => ({ ...finding, identity: `${edge}, ${kind}: ${finding.identity}` }));
}

export function rowOfEdge({ edge, at, kind, placed, judged, executedWrongly, missed, doubled }: EdgeSeen): StrikeRow {
  return {
    fault: `${edge} (${at}): ${kind}`,
    proof: `${placed} placed around it`,
    bound: 'each comes to what the market’s calendar says, once',
    observed: `${executedWrongly.length} on the wrong side, ${missed} of ${judged} not as they must, ${doubled} twice`,
  };
}

export function edgeSample(change: Partial<EdgeSeen> = {}): EdgeSeen {
  return {
    ...{ edge: 'the close', at: '2027-03-12T21:00:00Z', kind: 'orders', placed: 40, refused: [], judged: 16 },
    ...{ executedWrongly: [], missed: 0, doubled: 0, ...change },
  };
}

export const badEdges: readonly EdgeSeen[] = [
  edgeSample({ judged: 0 }),
  edgeSample({ refused: [422, null] }),
  edgeSample({ executedWrongly: [3_600_000] }),
  edgeSample({ missed: 1 }),
  edgeSample({ doubled: 1 }),
];
