import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { disasterOf, type OnTheCopy } from './support/disaster.ts';

/** A copy has cold caches and shares the machine with the original: slower than this is another matter. */
const timesSlower = 4;
/** Below it nobody waits. */
const fastEnoughMs = 250;

export default defineGate<OnTheCopy>({
  id: 'backups/service-runs-on-the-copy',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'pgbackrest', 'pg_amcheck', 'config:recovery', 'config:write'],
  covers: ['backups.restore.service-runs', 'backups.restore.integrated', 'backups.restore.performance'],
  unit: 'writes and invariants on the copy',
  why: 'Tables that are equal are not yet a service: roles, sequences, extensions and settings are needed too, and are missed when customers wait.',
  fix: 'Start the service on a restored copy by hand (runbooks/bin/restore-backup) and read its log: what it misses there it will miss then.',
  source: 'https://sre.google/sre-book/data-integrity/',
  resources: ['backups'],
  long: true,
  timeoutMs: 120_000,

  async observe(context) {
    const { service, loss } = await disasterOf(context);
    const examined = (loss?.acknowledged ?? 0) + service.replayed + service.invariants.length + 1;
    return { examined, facts: service };
  },

  judge: (facts) => [...judgeStart(facts), ...judgeData(facts), ...judgeSpeed(facts)],

  samples: {
    good: [facts({}), facts({ p95Ms: 200 }), facts({ p95Ms: 390, p95BeforeMs: 100 })],
    bad: [
      facts({ failure: 'node ended before it answered' }),
      facts({ accepted: false, firstWrite: 503 }),
      facts({ accepted: false, firstWrite: null }),
      facts({ differing: ['1 was answered 201 2'] }),
      facts({ replayed: 0 }),
      facts({ damage: 'index "orders_pkey" lacks matching index tuple' }),
      facts({ invariants: [{ name: 'cash adds up', looksAt: 3, violations: 1, examples: ['(1)'] }] }),
      facts({ p95Ms: 401, p95BeforeMs: 100 }),
    ],
  },

  /** Whoever writes to the copy is told that the service cannot. */
  async sabotage(sandbox) {
    const { request: write } = partOf(sandbox.config, 'write');
    return sandbox.intercept(async (request, forward) => {
      if (request.method !== write.method || request.path !== write.path) return forward(request);
      return { status: 503, headers: {}, body: Buffer.from('') };
    });
  },
});

function judgeStart({ failure, accepted, firstWrite }: OnTheCopy): Finding[] {
  if (failure !== null) return [{ message: `the service does not start on the copy: ${failure}`, identity: 'start' }];
  if (accepted) return [];
  return [{ message: `a write on the copy was answered ${firstWrite ?? 'with nothing'}`, identity: 'write' }];
}

function judgeData({ failure, replayed, differing, damage, invariants }: OnTheCopy): Finding[] {
  const nothing = 'the copy holds none of the writes that were made while it was taken';
  return [
    ...differing.map((said) => ({ message: `made again on the copy with its key, write ${said}`, identity: 'replay' })),
    ...(replayed === 0 && failure === null ? [{ message: nothing, identity: 'nothing replayed' }] : []),
    ...(damage === null ? [] : [{ message: `pg_amcheck found damage in the copy: ${damage}`, identity: 'amcheck' }]),
    ...invariants
      .filter(({ violations }) => violations > 0)
      .map(({ name, violations, examples }) => ({
        message: `in the copy it does not hold that ${name}: ${violations} times, as ${examples[0] ?? ''}`,
        identity: name,
      })),
  ];
}

function judgeSpeed({ p95Ms, p95BeforeMs }: OnTheCopy): Finding[] {
  if (p95Ms <= Math.max(fastEnoughMs, timesSlower * p95BeforeMs)) return [];
  const message = `95 of 100 writes took up to ${p95Ms} ms on the copy, and ${p95BeforeMs} ms before`;
  return [
    { message, identity: 'speed', fix: 'ANALYZE the copy, and give it the settings and the machine of production.' },
  ];
}

function facts(change: Partial<OnTheCopy>): OnTheCopy {
  return {
    ...{ failure: null, firstWrite: 201, accepted: true, replayed: 5, differing: [], damage: null },
    invariants: [{ name: 'cash adds up', looksAt: 3, violations: 0, examples: [] }],
    ...{ p95Ms: 40, p95BeforeMs: 30 },
    ...change,
  };
}
