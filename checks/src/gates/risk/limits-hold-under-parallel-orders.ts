import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { limitedAccount, limitsRequest, setLimits, writeAsLimited } from './support/limits.ts';

interface Facts {
  /** How many may stand, and how many stood before. */
  cap: number;
  before: number;
  sent: number;
  /** How many stand afterwards, by the database. */
  standing: number;
  accepted: number;
  /** Answers by their status; `none` had no answer. */
  answers: Record<string, number>;
}

const parallel = 60;
const room = 15;

export default defineGate<Facts>({
  id: 'risk/limits-hold-under-parallel-orders',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'config:write', 'config:risk'],
  alone: true,
  covers: ['risk.limits-hold', 'risk.concurrency'],
  unit: 'orders sent at once',
  why: 'A limit that is read before and written after lets two orders through where one was allowed, and twenty where the market moves.',
  fix: "Read what stands against the limit after taking a lock that every placement of the account takes, and write the order in the same transaction; don't count in a cache.",
  source: 'https://www.law.cornell.edu/cfr/text/17/240.15c3-5',

  async observe(context) {
    const { cap: configured, reset } = partOf(context.config, 'risk');
    const before = await countStanding(context);
    const cap = before + room;
    try {
      await setLimits(context, configured.limits, cap);
      const sent = await Promise.all(Array.from({ length: parallel }, () => writeAsLimited(context)));
      const statuses = sent.map((answer) => answer?.status ?? 'none');
      const { acceptedStatus } = partOf(context.config, 'write');
      const facts: Facts = {
        ...{ cap, before, sent: parallel },
        standing: await countStanding(context),
        accepted: statuses.filter((status) => status === acceptedStatus).length,
        answers: Object.fromEntries(
          Object.entries(Object.groupBy(statuses, String)).map(([status, group = []]) => [status, group.length]),
        ),
      };
      return { examined: parallel, facts };
    } finally {
      await setLimits(context, reset);
    }
  },

  judge(facts) {
    const { cap, before, sent, standing, accepted, answers } = facts;
    const findings: Finding[] = [];
    if (standing > cap)
      findings.push({
        message: `${standing} orders stand where ${cap} are allowed: ${sent} were sent at once`,
        identity: 'over',
      });
    if (before + accepted > cap)
      findings.push({
        message: `${accepted} orders were accepted where there was room for ${cap - before}`,
        identity: 'accepted',
      });
    if (before + accepted < cap)
      findings.push({
        message: `only ${accepted} of the ${cap - before} orders that the limit leaves room for were accepted (${describe(answers)})`,
        identity: 'under',
        fix: 'Refuse an order for the limit only when the limit is met; look at the reasons of the refusals.',
      });
    if (answers.none)
      findings.push({
        message: `${answers.none} orders got no answer: nobody knows whether they stand`,
        identity: 'unanswered',
      });
    return findings;
  },

  samples: {
    good: [facts({})],
    bad: [
      facts({ standing: 26 }),
      facts({ accepted: 21, answers: { '201': 21, '422': 79 } }),
      facts({ accepted: 3, standing: 8, answers: { '201': 3, '500': 97 } }),
      facts({ answers: { '201': 20, '422': 79, none: 1 } }),
    ],
  },

  /** An operator's screen says one limit, and another one holds. */
  async sabotage(sandbox) {
    const { setLimits: request, cap } = partOf(sandbox.config, 'risk');
    const { account } = limitedAccount({ target: sandbox });
    const raised = JSON.stringify(
      limitsRequest(sandbox.config, cap.limits, { account, limit: parallel * parallel }).body,
    );
    return sandbox.intercept((received, forward) => {
      const sets = received.method === request.method && received.path === request.path;
      const capped = sets && Object.keys(cap.limits).every((name) => isSet(received.body, name));
      return forward(capped ? { ...received, body: Buffer.from(raised) } : received);
    });
  },
});

/** The gate's reset names the same limits, with null. */
function isSet(body: Buffer, name: string): boolean {
  return ((JSON.parse(body.toString('utf8')) as Record<string, unknown>)[name] ?? null) !== null;
}

async function countStanding(context: Context): Promise<number> {
  const { standing } = partOf(context.config, 'risk').cap;
  const { account } = limitedAccount(context);
  const [row] = await withDatabase(context.target.databaseUrl, (database) => database.query(standing, [account]));
  const count = Number(Object.values(row ?? {})[0] ?? Number.NaN);
  if (!Number.isInteger(count)) throw new Error('risk.cap.standing in preflight.config.ts gives no whole number');
  return count;
}

function describe(answers: Record<string, number>): string {
  return Object.entries(answers)
    .map(([status, count]) => `${count} × ${status}`)
    .join(', ');
}

function facts(change: Partial<Facts>): Facts {
  return { cap: 25, before: 5, sent: 100, standing: 25, accepted: 20, answers: { '201': 20, '422': 80 }, ...change };
}
