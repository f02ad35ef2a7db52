import { randomUUID } from 'node:crypto';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { setLimits, writeAsLimited } from './support/limits.ts';

interface Denied {
  /** Why it had to be denied. */
  expected: string;
  /** Whether its limit, observed and attempted are amounts. */
  amounts: boolean;
  /** Null: there was no answer. */
  status: number | null;
  reason: string | null;
  limit: string | null;
  observed: string | null;
  attempted: string | null;
  /** The reason that is stored with it; null: nothing is. */
  stored: string | null;
  /** Whether the same write with the same key was answered with the same bytes. */
  repeated: boolean;
}

interface Facts {
  status: number;
  denied: Denied[];
}

const decimal = /^-?\d+(\.\d+)?$/;

export default defineGate<Facts>({
  id: 'risk/denials-say-why',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'config:write', 'config:risk'],
  alone: true,
  covers: ['risk.denial-reasons', 'risk.denials-stored', 'risk.rules', 'orders.short-funds'],
  unit: 'denied orders',
  why: 'A trader who is told only "denied" calls the desk, or tries again with half the size until something passes. And what is not stored cannot be shown to whoever audits the limits.',
  fix: 'Answer with the reason out of a fixed list, the limit, what stood against it and what was attempted; store the order as denied with that reason in the transaction that decided it.',
  source: 'https://www.law.cornell.edu/cfr/text/17/240.15c3-5',

  async observe(context) {
    const { denied: cases, denial, wide, reset, writesBefore } = partOf(context.config, 'risk');
    const denied: Denied[] = [];
    try {
      await setLimits(context, wide);
      await Promise.all(Array.from({ length: writesBefore }, () => writeAsLimited(context)));
      for (const { reason, limits, write, amounts } of cases) {
        await setLimits(context, { ...reset, ...wide, ...limits });
        denied.push({ expected: reason, amounts, ...(await denyOnce(context, write)) });
      }
    } finally {
      await setLimits(context, reset);
    }
    return { examined: denied.length, facts: { status: denial.status, denied } };
  },

  judge: ({ status, denied }) => denied.flatMap((each) => judgeDenied(each, status)),

  samples: {
    good: [facts({}), facts({ amounts: false, limit: null, observed: null, attempted: 'GME' })],
    bad: [
      facts({ status: 201, reason: null, stored: null }),
      facts({ status: null, reason: null }),
      facts({ reason: 'DENIED' }),
      facts({ limit: null }),
      facts({ observed: 'much' }),
      facts({ attempted: undefined }),
      facts({ stored: null }),
      facts({ stored: 'OTHER' }),
      facts({ repeated: false }),
    ],
  },

  /** Something in between gives away no details: every refusal says only that it is one. */
  async sabotage(sandbox) {
    const { method, path } = partOf(sandbox.config, 'write').request;
    const { status } = partOf(sandbox.config, 'risk').denial;
    return sandbox.intercept(async (request, forward) => {
      const answer = await forward(request);
      const isDenial = request.method === method && request.path === path && answer.status === status;
      return isDenial ? { ...answer, body: Buffer.from('{"detail":"denied"}') } : answer;
    });
  },
});

async function denyOnce(
  context: Context,
  write: Record<string, unknown>,
): Promise<Omit<Denied, 'expected' | 'amounts'>> {
  const { denial } = partOf(context.config, 'risk');
  const key = randomUUID();
  const first = await writeAsLimited(context, write, key);
  const second = await writeAsLimited(context, write, key);
  const body = parsed(first?.text ?? '');
  const text = (path: string): string | null => textAt(body, path);
  const id = text(denial.id);
  return {
    status: first?.status ?? null,
    reason: text(denial.reason),
    limit: text(denial.limit),
    observed: text(denial.observed),
    attempted: text(denial.attempted),
    stored: id === null ? null : await storedReason(context, denial.stored, id),
    repeated: first !== null && second !== null && first.status === second.status && first.text === second.text,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON says nothing that could be judged.
    return {};
  }
}

function textAt(body: unknown, path: string): string | null {
  const value = path.split('.').reduce<unknown>((at, name) => {
    return typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined;
  }, body);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
}

async function storedReason({ target }: Context, sql: string, id: string): Promise<string | null> {
  const [row] = await withDatabase(target.databaseUrl, (database) => database.query(sql, [id]));
  return Object.values(row ?? {})[0] ?? null;
}

function judgeDenied(denied: Denied, status: number): Finding[] {
  const { expected, reason } = denied;
  const finding = (what: string, message: string): Finding => ({ message, identity: `${expected} ${what}` });
  if (denied.status !== status) {
    return [finding('status', `an order that ${expected} had to deny was answered ${denied.status ?? 'not at all'}`)];
  }
  if (reason !== expected) {
    return [
      finding('reason', `an order that ${expected} had to deny was denied for ${reason ?? 'no reason that is said'}`),
    ];
  }
  const findings = (['limit', 'observed', 'attempted'] as const)
    .filter((name) => denied.amounts && !decimal.test(denied[name] ?? ''))
    .map((name) => finding(name, `the denial for ${expected} does not say its ${name} value`));
  if (denied.stored !== expected)
    findings.push(finding('stored', `the denial for ${expected} is stored with ${denied.stored ?? 'nothing'}`));
  if (!denied.repeated)
    findings.push(finding('repeated', `repeated with its key, the order denied for ${expected} got another answer`));
  return findings;
}

function facts(change: Partial<Record<keyof Denied, unknown>>): Facts {
  const denied: Denied = {
    expected: 'MAX_OPEN_ORDERS',
    amounts: true,
    status: 422,
    reason: 'MAX_OPEN_ORDERS',
    limit: '1',
    observed: '1',
    attempted: '2',
    stored: 'MAX_OPEN_ORDERS',
    repeated: true,
  };
  return { status: 422, denied: [{ ...denied, ...(change as Partial<Denied>) }] };
}
