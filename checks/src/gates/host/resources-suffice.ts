import { bytesOf, numberOf, placeOf } from './support/host-facts.ts';
import { defineHostGate } from './support/host-gate.ts';

interface Seen {
  cores: number;
  memoryGiB: number;
  /** Of the disk that the database is on, from 0 to 1. */
  freeShare: number;
}

const fewestCores = 4;
/** A host of 16 GB shows a little less: what firmware and kernel keep is not counted. */
const leastMemoryGiB = 15;
const leastFreeShare = 0.2;
const good: Seen = { cores: 8, memoryGiB: 31.2, freeShare: 0.8 };

export default defineHostGate<Seen>({
  id: 'host/resources-suffice',
  severity: 'warning',
  covers: ['host.resources', 'host.cpu.cores', 'host.memory.size'],
  why: 'A host that is just large enough today is too small on the morning when everybody trades.',
  fix: 'Move to a host with four cores, 16 GB and a disk that is a fifth free, or add one.',
  source: 'https://sre.google/sre-book/software-engineering-in-sre/',
  look: (facts) => ({
    cores: numberOf(facts, 'cores'),
    memoryGiB: Math.round((bytesOf(facts, 'MemTotal') / 2 ** 30) * 10) / 10,
    freeShare: placeOf(facts, 'database').freeShare,
  }),
  wrong: ({ cores, memoryGiB, freeShare }) => [
    ...(cores >= fewestCores ? [] : [`${cores} cores: ${fewestCores} are the fewest`]),
    ...(memoryGiB >= leastMemoryGiB ? [] : [`${memoryGiB} GiB of memory: 16 GB are the least`]),
    ...(freeShare >= leastFreeShare ? [] : [`${Math.round(freeShare * 100)} % of the database's disk is free`]),
  ],
  good: [good],
  bad: [
    { ...good, cores: 2 },
    { ...good, memoryGiB: 7.7 },
    { ...good, freeShare: 0.05 },
  ],
  broken: { cores: '2\n' },
});
