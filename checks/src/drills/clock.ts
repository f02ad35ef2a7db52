import { partOf } from '../config.ts';
import { defineDrill } from '../engine/gate.ts';
import { withDatabase } from '../io/database.ts';
import { type InvariantSeen, readInvariants } from '../io/invariants.ts';
import { retold } from '../sandbox/front.ts';
import { badSteps, findingsOfStep, rowOfStep, type StepSeen, stepClocks, stepSample } from './support/clock-steps.ts';
import { badEdges, type EdgeSeen, edgeSample, findingsOfEdge, rowOfEdge } from './support/session-edge-findings.ts';
import { changeOf, crossEdges } from './support/session-edges.ts';
import { findingsOfInvariants } from './support/settle.ts';
import { mustBeSteady } from './support/steady.ts';
import type { StrikeRow } from './support/strike-row.ts';
import { withTimeTravel } from './support/time-travel.ts';

interface Facts {
  edges: EdgeSeen[];
  steps: StepSeen[];
  invariants: InvariantSeen[];
  rows: StrikeRow[];
}

/** Enough for processes to start before the first edge comes. */
const leadMs = 600_000;

export default defineDrill<Facts>({
  id: 'drills/clock',
  severity: 'blocker',
  profile: 'commit',
  // Seconds that are there twice have to pass twice.
  long: true,
  needs: [
    ...(['service', 'database', 'sandbox', 'faketime', 'config:write', 'config:processing', 'config:orders'] as const),
    ...(['config:quotes', 'config:marketData', 'config:metrics', 'config:clock'] as const),
  ],
  covers: ['workers.clock'],
  unit: 'orders and looks at an age',
  timeoutMs: 180_000,
  why: 'Clocks are set back by seconds every week and by an hour twice a year. Whoever takes a duration from them gets ages below zero, and does again what was done a moment ago.',
  fix: 'Take durations by a monotonic clock, let one clock decide of what two processes contend for, and let a time zone’s own data say when a session begins.',
  source: 'https://www.rfc-editor.org/rfc/rfc8633#section-3.5',

  steadyState: mustBeSteady,

  async strike(context) {
    const { closeMs } = changeOf(partOf(context.config, 'clock'));
    const { database } = context.config;
    const seen = await withTimeTravel(context, closeMs - leadMs, async (travel) => ({
      edges: await crossEdges(context, travel),
      steps: await stepClocks(context, travel),
      invariants: await withDatabase(travel.databaseUrl, (copy) => readInvariants(copy, database.invariants)),
    }));
    return {
      examined:
        seen.edges.reduce((sum, { placed }) => sum + placed, 0) +
        seen.steps.reduce((sum, { placed, looks }) => sum + placed + looks, 0),
      struckInFlight: seen.steps.reduce((sum, { waiting, inTheMiddle }) => sum + waiting + inTheMiddle, 0),
      facts: { ...seen, rows: [...seen.edges.map(rowOfEdge), ...seen.steps.map(rowOfStep)] },
    };
  },

  undo: async () => undefined,

  judge: ({ edges, steps, invariants }) => [
    ...edges.flatMap(findingsOfEdge),
    ...steps.flatMap(findingsOfStep),
    ...findingsOfInvariants(invariants),
  ],

  samples: {
    good: [facts({})],
    bad: [
      ...badEdges.map((edge) => facts({ edges: [edge] })),
      ...badSteps.map((step) => facts({ steps: [step] })),
      facts({ invariants: [{ name: 'conservation', looksAt: 10, violations: 1, examples: ['(1)'] }] }),
    ],
  },

  /** Ages as somebody tells them who notes the time of the wall, and whose clock has been set back since. */
  async sabotage(sandbox) {
    const { path, items, ageMs } = partOf(sandbox.config, 'marketData').prices;
    const younger = (one: Record<string, unknown>) => {
      const age = one[ageMs];
      return typeof age === 'number' ? { ...one, [ageMs]: age - 5_000 } : one;
    };
    return sandbox.intercept(
      retold(path, (body) => ({ ...body, [items]: (body[items] as Record<string, unknown>[]).map(younger) })),
    );
  },
});

function facts(change: Partial<Facts>): Facts {
  return { edges: [edgeSample()], steps: [stepSample()], invariants: [], rows: [], ...change };
}
