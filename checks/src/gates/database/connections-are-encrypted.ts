import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { lastLines } from '../../io/exec.ts';
import { type Seen, startImpostor } from '../../io/impostor.ts';
import { freePorts } from '../../sandbox/server.ts';
import { fillPlaceholders } from '../../sandbox/service.ts';

interface Facts {
  variable: string;
  /** Addresses on another machine, by their sslmode (null: none is said), and whether the service takes them. */
  modes: { mode: string | null; taken: boolean }[];
  /** What the service sent to a server whose certificate nobody vouches for. */
  impostor: Seen;
}

/** https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION: only the last one knows whom it talks to. */
const unsafeModes = [null, 'disable', 'allow', 'prefer', 'require', 'no-verify'];
const safeMode = 'verify-full';

export default defineGate<Facts>({
  id: 'database/connections-are-encrypted',
  severity: 'blocker',
  profile: 'commit',
  needs: ['openssl', 'config:connections'],
  covers: ['db.connections.encrypted', 'db.connections.secured'],
  unit: 'addresses and connections',
  why: 'Between the service and its database go every key digest, balance and order. A mode that goes on without TLS, or takes any certificate, gives them to whoever stands in between.',
  fix: 'Refuse a database address on another machine unless it says sslmode=verify-full, and never switch the verification off.',
  source: 'https://www.postgresql.org/docs/current/libpq-ssl.html',
  timeoutMs: 60_000,

  async observe(context) {
    const { service } = context.config;
    const variable = addressVariable(service);
    const modes = await Promise.all(
      [...unsafeModes, safeMode].map(async (mode) => ({ mode, taken: await isTaken(context, variable, mode) })),
    );
    const impostor = await meetImpostor(context, variable);
    if (impostor.askedForTls + impostor.plain === 0)
      throw new Error('the service connected to no database while it was watched');
    return { examined: modes.length + impostor.askedForTls + impostor.plain, facts: { variable, modes, impostor } };
  },

  judge: judgeConnections,

  samples: {
    good: [sample({})],
    bad: [
      sample({ modes: [{ mode: null, taken: true }] }),
      sample({ modes: [{ mode: 'require', taken: true }] }),
      sample({ modes: [{ mode: 'verify-full', taken: false }] }),
      sample({ impostor: { askedForTls: 1, plain: 0, trusted: 1 } }),
      sample({ impostor: { askedForTls: 0, plain: 1, trusted: 0 } }),
    ],
  },

  /** What is found in forums against the message "self-signed certificate". */
  async sabotage({ config: { service } }) {
    const before = service.environment;
    service.environment = { ...before, NODE_TLS_REJECT_UNAUTHORIZED: '0' };
    return async () => {
      service.environment = before;
    };
  },
});

/** The variable that the sandbox gives the address in. @throws when there is none. */
function addressVariable({ environment }: Config['service']): string {
  const [name] = Object.keys(environment).filter((key) => environment[key] === '{databaseUrl}');
  if (name === undefined) throw new Error('no variable of service.environment is {databaseUrl}');
  return name;
}

const judgeTimeoutMs = 20_000;

async function isTaken(context: Context, variable: string, mode: string | null): Promise<boolean> {
  const { service } = context.config;
  const address = `postgres://preflight:${secret()}@db.example:5432/preflight${mode === null ? '' : `?sslmode=${mode}`}`;
  const [program = '', ...args] = service.checkConfig;
  const env = await environmentOf(context, address);
  const result = await context.exec(program, args, { env, timeoutMs: judgeTimeoutMs });
  if (result.timedOut)
    throw new Error(`${service.checkConfig.join(' ')} did not end within ${judgeTimeoutMs / 1000} s`);
  if (result.code !== 0 && !result.stderr.includes(variable)) {
    throw new Error(`the check of the configuration does not work: exit code ${result.code}: ${lastLines(result)}`);
  }
  return result.code === 0;
}

async function environmentOf({ config, tools }: Context, databaseUrl: string): Promise<NodeJS.ProcessEnv> {
  const [port, metricsPort] = await freePorts(2);
  const filled = fillPlaceholders(config.service.environment, {
    databaseUrl,
    redisUrl: '',
    port: String(port),
    metricsPort: String(metricsPort),
    secret: secret(),
    nextSecret: secret(),
  });
  return { PATH: tools.environment.PATH, TZ: 'UTC', ...filled };
}

function secret(): string {
  return randomBytes(32).toString('base64url');
}

/** Long enough for the service to start and to try; it cannot become ready. After so many tries it has shown what it does. */
const watchedMs = 10_000;
const triesThatTell = 3;
const pollMs = 50;

/** The loopback without TLS is allowed, and with it the certificate counts there too. */
async function meetImpostor(context: Context, variable: string): Promise<Seen> {
  const directory = await mkdtemp(join(tmpdir(), 'preflight-tls-'));
  const impostor = await startImpostor(directory, (args) => context.exec(context.tools.path('openssl'), args));
  try {
    const address = `postgres://preflight:${secret()}@localhost:${impostor.port}/preflight?sslmode=${safeMode}`;
    const [program = '', ...args] = context.config.service.start;
    const env = await environmentOf(context, address);
    context.progress(`the service starts, with ${variable} at a server that nobody vouches for`);
    const enough = new AbortController();
    const signal = AbortSignal.any([context.signal, enough.signal]);
    const running = context.exec(program, args, { env, timeoutMs: watchedMs, signal }).catch((error: unknown) => {
      if (!enough.signal.aborted) throw error;
    });
    const timer = setInterval(() => {
      if (impostor.over() >= triesThatTell) enough.abort();
    }, pollMs);
    await running.finally(() => clearInterval(timer));
    return { ...impostor.seen };
  } finally {
    await impostor.close();
    await rm(directory, { recursive: true });
  }
}

function judgeConnections({ variable, modes, impostor }: Facts): Finding[] {
  const findings: Finding[] = modes.flatMap(({ mode, taken }) => {
    if (taken === (mode === safeMode)) return [];
    const told = mode === null ? 'no sslmode' : `sslmode=${mode}`;
    const message = taken
      ? `${variable} on another machine is taken with ${told}`
      : `${variable} on another machine is refused with ${told}, the one mode that is safe`;
    return [{ message, identity: told }];
  });
  if (impostor.plain > 0) {
    const message = `${impostor.plain} connections of the service began without TLS, with sslmode=${safeMode} in ${variable}`;
    findings.push({ message, identity: 'plain' });
  }
  if (impostor.trusted > 0) {
    const message = `the service talked to a database whose certificate nobody vouches for (${impostor.trusted} connections)`;
    findings.push({ message, identity: 'trusted' });
  }
  return findings;
}

function sample(change: Partial<Facts>): Facts {
  const modes = [...unsafeModes.map((mode) => ({ mode, taken: false })), { mode: safeMode, taken: true }];
  return { variable: 'DATABASE_URL', modes, impostor: { askedForTls: 3, plain: 0, trusted: 0 }, ...change };
}
