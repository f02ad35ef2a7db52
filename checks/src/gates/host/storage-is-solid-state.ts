import { type Place, placeOf } from './support/host-facts.ts';
import { defineHostGate } from './support/host-gate.ts';

interface Seen {
  places: Record<string, Place>;
}

const place: Place = { device: '/dev/nvme0n1p1', disks: ['nvme0n1'], spins: false, freeShare: 0.5 };

export default defineHostGate<Seen>({
  id: 'host/storage-is-solid-state',
  severity: 'warning',
  covers: ['host.storage.ssd'],
  why: 'Each order waits for its commit to be on the disk: one that turns takes ten milliseconds for it.',
  fix: 'Move the database and the application to disks that do not turn.',
  source: 'https://wiki.postgresql.org/wiki/Reliable_Writes',
  look: (facts) => ({ places: { database: placeOf(facts, 'database'), application: placeOf(facts, 'application') } }),
  wrong: ({ places }) =>
    Object.entries(places).flatMap(([name, { disks, spins, device }]) => [
      ...(spins ? [`the ${name} is on ${disks.join(', ')}, which turns`] : []),
      ...(disks.length === 0 ? [`the ${name} is on ${device}, which is no disk`] : []),
    ]),
  good: [{ places: { database: place, application: place } }],
  bad: [
    { places: { database: { ...place, spins: true } } },
    { places: { database: { ...place, disks: [], device: 'tmpfs' } } },
  ],
  broken: {
    disks: JSON.stringify({
      blockdevices: [
        { name: 'nvme0n1p1', kname: 'nvme0n1p1', pkname: null, type: 'disk', rota: false },
        { name: 'data-pg', kname: 'dm-0', pkname: null, type: 'disk', rota: true },
      ],
    }),
  },
});
