import { bytesOf, said, settingsOf } from './support/host-facts.ts';
import { defineHostGate } from './support/host-gate.ts';

interface Seen {
  memoryBytes: number;
  sharedBuffersBytes: number;
  /** Null: the service may take all that there is. */
  serviceMaxBytes: number | null;
}

/** A quarter to begin with; more than two fifths seldom helps, says the page that `source` names. */
const leastShared = 0.15;
const mostShared = 0.4;
/** Together: the rest is for connections, sorts, the kernel's cache and whoever logs in. */
const mostPromised = 0.75;
const good: Seen = { memoryBytes: 2 ** 34, sharedBuffersBytes: 2 ** 32, serviceMaxBytes: 2 ** 30 };

export default defineHostGate<Seen>({
  id: 'host/memory-is-shared-out',
  severity: 'advisory',
  covers: ['host.memory.shared-out'],
  why: 'As installed, PostgreSQL uses 128 MB of whatever there is; and a service without a limit takes from it what a leak needs.',
  fix: 'shared_buffers a quarter of the memory, MemoryMax= in the unit of the service, together at most three quarters.',
  source: 'https://www.postgresql.org/docs/current/runtime-config-resource.html#RUNTIME-CONFIG-RESOURCE-MEMORY',
  look(facts) {
    const [shared] = settingsOf(said(facts, 'postgres')).get('shared_buffers') ?? [];
    if (shared === undefined) throw new Error(`${facts.source} does not tell shared_buffers`);
    const [max = ''] = settingsOf(said(facts, 'unit')).get('MemoryMax') ?? [];
    const serviceMaxBytes = /^\d+$/.test(max) ? Number(max) : null;
    return { memoryBytes: bytesOf(facts, 'MemTotal'), sharedBuffersBytes: Number(shared), serviceMaxBytes };
  },
  wrong: ({ memoryBytes, sharedBuffersBytes, serviceMaxBytes }) => {
    const share = sharedBuffersBytes / memoryBytes;
    const promised = (sharedBuffersBytes + (serviceMaxBytes ?? 0)) / memoryBytes;
    return [
      ...(share >= leastShared && share <= mostShared
        ? []
        : [`shared_buffers is ${Math.round(share * 100)} % of the memory`]),
      ...(serviceMaxBytes === null ? ['the service may take all of the memory'] : []),
      ...(promised > mostPromised ? [`${Math.round(promised * 100)} % of the memory is promised`] : []),
    ];
  },
  good: [good],
  bad: [
    { ...good, sharedBuffersBytes: 2 ** 27 },
    { ...good, sharedBuffersBytes: 2 ** 33 },
    { ...good, serviceMaxBytes: null },
    { ...good, serviceMaxBytes: 2 ** 33 + 2 ** 32 },
  ],
  broken: { postgres: 'shared_buffers=134217728\n' },
});
