import { setTimeout as delay } from 'node:timers/promises';
import { partOf, type TargetConfig } from '../config.ts';
import type { Context } from '../engine/context.ts';
import { defineDrill, type Finding } from '../engine/gate.ts';
import { execOrThrow } from '../io/exec.ts';
import { startProbes } from '../io/probes.ts';

type Fault = TargetConfig['faults'][number];

interface FaultSeen {
  name: string;
  seenAs: Fault['seenAs'];
  /** Probes while it stood, and how many of them were not answered with 200. */
  probes: number;
  notReady: number;
  /** From the end of the undo to readiness; null: not within the bound. */
  recoveredMs: number | null;
  boundMs: number;
}

interface Facts {
  faults: FaultSeen[];
}

/** How long a fault stands once it is struck. */
const standsMs = 2_000;
const probeTimeoutMs = 500;

export default defineDrill<Facts>({
  id: 'drills/target-recovers',
  severity: 'warning',
  profile: 'release',
  needs: ['config:target'],
  covers: ['failover.target-recovers'],
  unit: 'probes',
  timeoutMs: 600_000,
  why: 'A sandbox is one process on one machine: what restarts, replaces and leaves out a broken part exists only where the service really runs.',
  fix: 'Find out what should have noticed (a probe, a supervisor, the proxy) and mend it; then strike the same fault again.',
  source: 'https://principlesofchaos.org/',

  async steadyState({ config, signal }) {
    const { url, faults } = partOf(config, 'target');
    if (faults.length === 0) throw new Error(`the target ${url} describes no faults`);
    const probes = startProbes({ url, path: config.service.readiness, signal, timeoutMs: probeTimeoutMs });
    try {
      await probes.until(({ status }) => status === 200, steadyWithinMs);
    } finally {
      await probes.stop();
    }
  },

  async strike(context) {
    const faults: FaultSeen[] = [];
    for (const fault of partOf(context.config, 'target').faults) {
      faults.push(await strikeOnce(context, fault));
    }
    // The fault stands for a while: what it strikes is every look that is taken meanwhile.
    const probes = faults.reduce((sum, fault) => sum + fault.probes, 0);
    return { examined: probes, struckInFlight: probes, facts: { faults } };
  },

  undoCommands: ({ config }) => partOf(config, 'target').faults.map(({ undo }) => undo),
  /** The commands are all of it. */
  undo: async () => undefined,

  judge: ({ faults }) => faults.flatMap(findingsOf),

  samples: {
    good: [{ faults: [fault({}), fault({ seenAs: 'unharmed', notReady: 0 })] }],
    bad: [
      { faults: [fault({ recoveredMs: null })] },
      { faults: [fault({ notReady: 0 })] },
      { faults: [fault({ seenAs: 'unharmed', notReady: 3 })] },
    ],
  },

  /** The sandbox stands for an installation: its service is stopped where it stands, and goes on. */
  async prepare(sandbox) {
    const group = `-${sandbox.service.pid()}`;
    const faults: TargetConfig['faults'] = [
      {
        name: 'the process is frozen',
        strike: ['kill', '-STOP', '--', group],
        undo: ['kill', '-CONT', '--', group],
        ...{ seenAs: 'not-ready', recoversWithinMs: 5_000 },
      },
    ];
    sandbox.config.target = { url: sandbox.url, safeToBreak: true, faults, names: [], keys: {} };
    return async () => {
      delete sandbox.config.target;
    };
  },

  /** A fault that misses: its command does nothing. */
  async sabotage(sandbox) {
    for (const each of partOf(sandbox.config, 'target').faults) each.strike = ['true'];
    return undefined;
  },
});

const steadyWithinMs = 30_000;

async function strikeOnce(
  { config, tree, signal, progress }: Context,
  { name, strike, undo, seenAs, recoversWithinMs }: Fault,
): Promise<FaultSeen> {
  progress(name);
  const { url } = partOf(config, 'target');
  const probes = startProbes({ url, path: config.service.readiness, signal, timeoutMs: probeTimeoutMs });
  try {
    await probes.until(({ status }) => status === 200, steadyWithinMs);
    const [command = '', ...args] = strike;
    await execOrThrow(command, args, { cwd: tree.root, signal });
    const struckAtMs = performance.now();
    await delay(standsMs, undefined, { signal });
    const [undoCommand = '', ...undoArgs] = undo;
    await execOrThrow(undoCommand, undoArgs, { cwd: tree.root });
    const undoneAtMs = performance.now();
    const recovered = await probes.answeredAfter(undoneAtMs, ({ status }) => status === 200, recoversWithinMs);
    const whileItStood = probes.between(struckAtMs, undoneAtMs);
    const notReady = whileItStood.filter(({ status }) => status !== 200).length;
    const seen = { name, seenAs, probes: whileItStood.length, notReady, boundMs: recoversWithinMs };
    const recoveredMs = recovered === undefined ? null : Math.round(recovered.endedAtMs - undoneAtMs);
    return { ...seen, recoveredMs };
  } finally {
    await probes.stop();
  }
}

function findingsOf({ name, seenAs, probes, notReady, recoveredMs, boundMs }: FaultSeen): Finding[] {
  const found: Finding[] = [];
  if (recoveredMs === null) {
    found.push({
      message: `after "${name}" was taken back it was not ready within ${boundMs} ms`,
      identity: `${name}: recovery`,
    });
  }
  if (seenAs === 'not-ready' && notReady === 0) {
    found.push({
      message: `"${name}" missed: ${probes} probes were answered as if nothing had happened`,
      identity: `${name}: missed`,
      fix: 'Mend the command that strikes it, or promise `unharmed` if the target is built to go on.',
    });
  }
  if (seenAs === 'unharmed' && notReady > 0) {
    found.push({
      message: `"${name}" was to leave it unharmed, and ${notReady} of ${probes} probes failed`,
      identity: `${name}: harmed`,
    });
  }
  return found;
}

function fault(change: Partial<FaultSeen>): FaultSeen {
  return {
    name: 'a replica is killed',
    seenAs: 'not-ready',
    probes: 20,
    notReady: 12,
    recoveredMs: 800,
    boundMs: 5_000,
    ...change,
  };
}
