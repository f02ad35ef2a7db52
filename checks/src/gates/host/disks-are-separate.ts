import { type Place, placeOf } from './support/host-facts.ts';
import { defineHostGate } from './support/host-gate.ts';

interface Seen {
  database: Place;
  others: Record<string, Place>;
}

const place: Place = { device: '/dev/nvme0n1p1', disks: ['nvme0n1'], spins: false, freeShare: 0.5 };
const good: Seen = {
  database: { ...place, device: '/dev/nvme1n1', disks: ['nvme1n1'] },
  others: { logs: place, temporary: { device: 'tmpfs', disks: [], spins: false, freeShare: 1 } },
};

export default defineHostGate<Seen>({
  id: 'host/disks-are-separate',
  severity: 'advisory',
  covers: ['host.storage.separate'],
  why: 'A log that fills the disk of the database stops it; a large temporary file makes each commit wait.',
  fix: 'Put logs and temporary files on a disk of their own, or temporary files into memory.',
  source: 'https://wiki.postgresql.org/wiki/Reliable_Writes',
  look: (facts) => ({
    database: placeOf(facts, 'database'),
    others: { logs: placeOf(facts, 'logs'), temporary: placeOf(facts, 'temporary') },
  }),
  wrong: ({ database, others }) =>
    Object.entries(others).flatMap(([name, { disks }]) => {
      const shared = disks.filter((disk) => database.disks.includes(disk));
      return shared.length > 0 ? [`${name} and the database are both on ${shared.join(', ')}`] : [];
    }),
  good: [good],
  bad: [{ ...good, others: { logs: good.database } }],
  broken: { logs: 'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/mapper/data-pg 100 20 80 20% /\n' },
});
