import { readFile } from 'node:fs/promises';
import { partOf } from '../config.ts';
import type { Context } from '../engine/context.ts';
import { defineDrill, type Finding } from '../engine/gate.ts';
import { withDatabase } from '../io/database.ts';
import { type Executed, makeExecutableWrites, untilExecuted } from '../io/executed-writes.ts';
import { lockedRows, strikeInTheMiddle } from '../io/held-writes.ts';
import type { InvariantSeen } from '../io/invariants.ts';
import { startProbes } from '../io/probes.ts';
import { msUntil } from '../io/until.ts';
import { type Feed, type QuoteSaid, withFeed } from '../sandbox/quote-feed.ts';
import type { Replica } from '../sandbox/sandbox.ts';
import { findingsOfInvariants, invariantsNow } from './support/settle.ts';
import { mustBeSteady } from './support/steady.ts';
import type { StrikeRow } from './support/strike-row.ts';
import { withoutFence } from './support/without-fence.ts';

interface Facts {
  /** Orders that the process had claimed, and not committed, when it was frozen. */
  claimed: number;
  /** The row of the exclusive work named the frozen process at that moment. */
  leaseHeld: boolean;
  /** From the freeze until another process had the exclusive work; null: not in time. */
  tookOverMs: number | null;
  /** Fencing tokens of the frozen process and of the one after it. */
  tokens: { frozen: number; next: number };
  /** Orders that were not executed exactly once, by then or after the frozen process was awake. */
  wrong: Executed[];
  /** From its waking until its log told that its late write was refused; null: not in time. */
  refusedMs: number | null;
  /** What it had to say late was seen where it writes. */
  lateWriteSeen: boolean;
  /** From its waking until it was ready and had an order of its own executed; null: not in time. */
  worksAgainMs: number | null;
  invariants: InvariantSeen[];
  rows: StrikeRow[];
}

const orders = 12;
const ordersAfter = 4;
/** Beyond the lease, and beyond the end of a claim: until another process has taken the work and done it. */
const slackMs = 8_000;
const refusedWithinMs = 5_000;
const worksAgainWithinMs = 15_000;
/** How far ahead of the clock the late quote is, so that no quote after it hides it for a while: a clock may be off by more. */
const aheadMs = 2_000;
const strikesAtMost = 5;

export default defineDrill<Facts>({
  id: 'drills/worker-frozen',
  severity: 'blocker',
  profile: 'commit',
  // A lease has to run out.
  long: true,
  needs: [
    ...(['service', 'database', 'sandbox', 'config:write', 'config:processing', 'config:stateMachine'] as const),
    ...(['config:marketData', 'config:quotes', 'config:frozenWorker'] as const),
  ],
  covers: ['workers.frozen'],
  unit: 'orders to be executed',
  timeoutMs: 120_000,
  why: 'A process that stands still for longer than its lease, in a long collection or on a starved machine, wakes in the belief that the work is still its own: it writes what another has done since.',
  fix: 'Give each holder of a lease a token that grows, look at it in the transaction that writes, and let the server end transactions whose client says nothing.',
  source: 'https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html',

  steadyState: mustBeSteady,

  async strike(context) {
    const { service } = context.sandbox;
    // One process works at first: what is claimed then is claimed by it.
    service.signal('SIGTERM');
    await service.ended();
    const { environment } = partOf(context.config, 'frozenWorker');
    const seen = await withFeed(context, environment, (feed) => freeze(context, feed));
    const facts = { ...seen, invariants: await invariantsNow(context) };
    return {
      examined: orders + 2 * ordersAfter,
      struckInFlight: seen.leaseHeld ? seen.claimed : 0,
      facts: { ...facts, rows: rowsOf(facts) },
    };
  },

  undo: ({ sandbox }) => sandbox.service.start(),

  judge: (seen) => [...findingsOf(seen), ...findingsOfInvariants(seen.invariants)],

  samples: {
    good: [facts({})],
    bad: [
      facts({ tookOverMs: null }),
      facts({ tokens: { frozen: 4, next: 4 } }),
      facts({ wrong: [{ id: '1', times: 0 }] }),
      facts({ wrong: [{ id: '1', times: 2 }] }),
      facts({ refusedMs: null }),
      facts({ lateWriteSeen: true }),
      facts({ worksAgainMs: null }),
      facts({ invariants: [{ name: 'conservation', looksAt: 10, violations: 1, examples: ['(1)'] }] }),
    ],
  },

  /** Every write of exclusive work passes, whoever has it. */
  sabotage: ({ config, databaseUrl }) => withoutFence(databaseUrl, partOf(config, 'frozenWorker').fence),
});

type Seen = Omit<Facts, 'invariants' | 'rows'>;

async function freeze(context: Context, feed: Feed): Promise<Seen> {
  const { leaseMs, claimMs } = partOf(context.config, 'frozenWorker');
  const { replica: frozen, primary } = feed;
  // It asks, and is told nothing: what it hears at last it will want to write.
  const said = Promise.withResolvers<QuoteSaid>();
  const asked = primary.askedAtMs.length;
  primary.behaviour = { kind: 'held', until: said.promise };
  if ((await msUntil(context, slackMs, () => primary.askedAtMs.length > asked)) === null)
    throw new Error('the replica does not ask the provider that it was given');
  const { ids, claimed } = await freezeInAClaim(context, frozen);
  const frozenAt = performance.now();
  const before = await holderNow(context);
  primary.behaviour = { kind: 'quotes' };
  context.progress(`frozen with ${claimed} orders claimed`);
  const next = await feed.another();
  const takenOver = await msUntil(
    context,
    leaseMs + slackMs,
    async () => (await holderNow(context)).pid === next.pid(),
  );
  const tookOverMs = takenOver === null ? null : Math.round(performance.now() - frozenAt);
  const more = await makeExecutableWrites(at(context, next), ordersAfter);
  await untilExecuted(context, [...ids, ...more], claimMs + slackMs);
  const after = await holderNow(context);
  const woken = await wake(context, frozen, said.resolve);
  return {
    ...{ claimed, leaseHeld: before.pid === frozen.pid(), tookOverMs, ...woken },
    tokens: { frozen: before.token, next: after.token },
    wrong: await untilExecuted(context, [...ids, ...more], slackMs),
  };
}

/** Stops it in the middle of an execution, as often as it takes: a statement that waits for a lock gives up at some time. */
async function freezeInAClaim(context: Context, frozen: Replica): Promise<{ ids: string[]; claimed: number }> {
  const { effectsIn } = partOf(context.config, 'processing');
  const { table } = partOf(context.config, 'stateMachine');
  const { signal, target } = context;
  const { databaseUrl } = target;
  for (let strike = 0; strike < strikesAtMost; strike += 1) {
    let ids: string[] = [];
    const begin = async () => {
      ids = await makeExecutableWrites(at(context, frozen), orders);
    };
    const held = { databaseUrl, table: effectsIn, count: 1, signal, begin };
    await strikeInTheMiddle(held, () => frozen.signal('SIGSTOP'));
    const claimed = await lockedRows(databaseUrl, table, ids);
    if (claimed > 0) return { ids, claimed };
    frozen.signal('SIGCONT');
    await untilExecuted(context, ids, slackMs);
  }
  throw new Error(`in ${strikesAtMost} tries the process was never stopped while it had orders claimed`);
}

/** Its answer is there when it wakes. */
async function wake(context: Context, frozen: Replica, say: (quote: QuoteSaid) => void) {
  const { refusal } = partOf(context.config, 'frozenWorker');
  const late = lateQuote(context);
  const refusals = async () => (await readFile(frozen.logFile, 'utf8')).split(refusal).length - 1;
  const before = await refusals();
  say(late);
  frozen.signal('SIGCONT');
  const wokenAt = performance.now();
  let lateWriteSeen = false;
  const refusedMs = await msUntil(context, refusedWithinMs, async () => {
    lateWriteSeen ||= (await bidNow(context)) === late.bid;
    return lateWriteSeen || (await refusals()) > before;
  });
  const works = await worksAgain(context, frozen);
  lateWriteSeen ||= (await bidNow(context)) === late.bid;
  return {
    refusedMs: (await refusals()) > before ? refusedMs : null,
    lateWriteSeen,
    worksAgainMs: works ? Math.round(performance.now() - wokenAt) : null,
  };
}

/** A quote that no provider has said before, and that no limit of the orders here minds. */
function lateQuote({ config }: Context): QuoteSaid {
  const { bid, ask } = partOf(config, 'marketData');
  const nudged = (price: string) => (Number(price) + 0.5).toFixed(2);
  return { bid: nudged(bid), ask: nudged(ask), asOf: new Date(Date.now() + aheadMs).toISOString() };
}

async function bidNow({ config, target }: Context): Promise<string | null> {
  const { table, bid, of } = partOf(config, 'quotes');
  const sql = `SELECT trunc(${bid}, 2) AS bid FROM ${table} WHERE ${of}`;
  const [row] = await withDatabase(target.databaseUrl, (database) => database.query(sql));
  return row?.bid ?? null;
}

async function worksAgain(context: Context, frozen: Replica): Promise<boolean> {
  const { config, signal } = context;
  const probes = startProbes({ url: frozen.url, path: config.service.readiness, signal });
  try {
    const ready = await probes.answeredAfter(performance.now(), ({ status }) => status === 200, worksAgainWithinMs);
    if (ready === undefined) return false;
  } finally {
    await probes.stop();
  }
  const ids = await makeExecutableWrites(at(context, frozen), ordersAfter);
  return (await untilExecuted(context, ids, worksAgainWithinMs)).length === 0;
}

function at({ config, target, signal }: Context, { url }: Replica) {
  const { databaseUrl, credentials } = target;
  return { config, target: { url, databaseUrl, credentials }, signal };
}

async function holderNow({ config, target }: Context): Promise<{ pid: number | null; token: number }> {
  const { holder } = partOf(config, 'frozenWorker');
  const [row] = await withDatabase(target.databaseUrl, (database) => database.query(holder));
  const [pid, token] = Object.values(row ?? {});
  return { pid: pid == null ? null : Number(pid), token: Number(token ?? 0) };
}

function findingsOf({ tookOverMs, tokens, wrong, refusedMs, lateWriteSeen, worksAgainMs }: Seen): Finding[] {
  const found: (Finding & { when: boolean })[] = [
    {
      when: tookOverMs === null,
      message: 'nobody took over the exclusive work of a process that was frozen past its lease',
      identity: 'not taken over',
    },
    {
      when: tokens.next <= tokens.frozen,
      message: `whoever took the work over was given the token ${tokens.next}, and the frozen process had ${tokens.frozen}`,
      identity: 'token',
    },
    {
      when: refusedMs === null,
      message: `the late write of the process that woke was not refused within ${refusedWithinMs / 1000} s of its waking`,
      identity: 'not refused',
    },
    {
      when: lateWriteSeen,
      message: 'what a process wrote after it had lost its lease was seen in the database',
      identity: 'late write',
    },
    {
      when: worksAgainMs === null,
      message: `the process that woke did not work again within ${worksAgainWithinMs / 1000} s`,
      identity: 'does not work again',
      fix: 'Drop connections and claims that are gone, and go on with new ones.',
    },
  ];
  return [...found.filter(({ when }) => when).map(({ when: _, ...finding }) => finding), ...wrong.map(findingOfOrder)];
}

function findingOfOrder({ id, times }: Executed): Finding {
  const how = times === 0 ? 'never' : `${times} times`;
  return {
    message: `order ${id} was executed ${how} after the process that had claimed it was frozen`,
    identity: times === 0 ? 'never executed' : 'executed twice',
    fix: 'Let a claim end with its transaction, and end the transactions of a client that says nothing.',
  };
}

function rowsOf({
  claimed,
  leaseHeld,
  tookOverMs,
  tokens,
  wrong,
  refusedMs,
  lateWriteSeen,
  worksAgainMs,
}: Seen): StrikeRow[] {
  return [
    {
      fault: 'a process is frozen past its lease, and wakes',
      proof: `the lease's row ${leaseHeld ? 'named' : 'did not name'} it, ${claimed} orders were locked by it`,
      bound: 'taken over, its late write refused, each order executed exactly once',
      observed: `taken over after ${tookOverMs ?? '–'} ms (token ${tokens.frozen} to ${tokens.next}), refused ${refusedMs ?? '–'} ms after it woke, late write ${lateWriteSeen ? '' : 'not '}seen, ${wrong.length} orders not exactly once, works again after ${worksAgainMs ?? '–'} ms`,
    },
  ];
}

function facts(change: Partial<Facts>): Facts {
  return {
    ...{ claimed: 12, leaseHeld: true, tookOverMs: 9_800, tokens: { frozen: 3, next: 4 }, wrong: [] },
    ...{ refusedMs: 60, lateWriteSeen: false, worksAgainMs: 900, invariants: [], rows: [] },
    ...change,
  };
}
