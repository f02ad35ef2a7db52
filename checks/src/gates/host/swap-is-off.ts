import { bytesOf, numberOf, said } from './support/host-facts.ts';
import { defineHostGate } from './support/host-gate.ts';

interface Seen {
  swapBytes: number;
  memoryBytes: number;
  swappiness: number;
}

/** A little, for what is never used again, and only when nothing else is left. */
const mostOfMemory = 0.1;
const mostSwappiness = 10;
const good: Seen = { swapBytes: 0, memoryBytes: 2 ** 34, swappiness: 60 };

export default defineHostGate<Seen>({
  id: 'host/swap-is-off',
  severity: 'warning',
  covers: ['host.memory.swap'],
  why: 'A page that has to come back from a disk takes longer than the whole order; the database that waits for it holds its locks.',
  fix: 'swapoff -a, and take it out of /etc/fstab; or a small one with vm.swappiness = 1.',
  source: 'https://www.postgresql.org/docs/current/kernel-resources.html#LINUX-MEMORY-OVERCOMMIT',
  look(facts) {
    const areas = [...said(facts, 'swaps').matchAll(/^\/\S+\s+\w+\s+(\d+)/gm)];
    const swapBytes = areas.reduce((sum, [, kib]) => sum + Number(kib) * 1024, 0);
    return { swapBytes, memoryBytes: bytesOf(facts, 'MemTotal'), swappiness: numberOf(facts, 'swappiness') };
  },
  wrong: ({ swapBytes, memoryBytes, swappiness }) => {
    if (swapBytes === 0) return [];
    return [
      ...(swapBytes > memoryBytes * mostOfMemory ? [`${Math.round(swapBytes / 2 ** 20)} MiB of swap`] : []),
      ...(swappiness > mostSwappiness ? [`there is swap, and vm.swappiness is ${swappiness}`] : []),
    ];
  },
  good: [good, { ...good, swapBytes: 2 ** 29, swappiness: 1 }],
  bad: [
    { ...good, swapBytes: 2 ** 33, swappiness: 1 },
    { ...good, swapBytes: 2 ** 29 },
  ],
  broken: { swaps: 'Filename Type Size Used Priority\n/dev/nvme0n1p2 partition 16777216 0 -2\n' },
});
