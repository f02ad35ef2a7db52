import { said, settingsOf } from './support/host-facts.ts';
import { defineHostGate } from './support/host-gate.ts';

interface Seen {
  loadState: string;
  nice: number;
  cpuWeight: number;
  oomScoreAdjust: number;
}

/** systemd's own, which everything else on the host has too. */
const usualWeight = 100;
const good: Seen = { loadState: 'loaded', nice: -5, cpuWeight: 100, oomScoreAdjust: -200 };

export default defineHostGate<Seen>({
  id: 'host/service-is-prioritised',
  severity: 'advisory',
  covers: ['host.cpu.priority'],
  why: 'A backup or an update that runs at the same time takes half of the processor, and the kernel that is out of memory takes the largest process.',
  fix: 'In the unit: CPUWeight=200 or Nice=-5, and OOMScoreAdjust=-200.',
  source: 'https://www.freedesktop.org/software/systemd/man/latest/systemd.resource-control.html',
  look(facts) {
    const settings = settingsOf(said(facts, 'unit'));
    const one = (name: string) => settings.get(name)?.[0] ?? '';
    const weight = one('CPUWeight');
    return {
      loadState: one('LoadState'),
      nice: Number(one('Nice')),
      // Unset is told as the largest number that there is, or in brackets.
      cpuWeight: /^\d{1,5}$/.test(weight) ? Number(weight) : usualWeight,
      oomScoreAdjust: Number(one('OOMScoreAdjust')),
    };
  },
  wrong: ({ loadState, nice, cpuWeight, oomScoreAdjust }) => {
    if (loadState !== 'loaded') return [`systemd knows no such unit (${loadState})`];
    return [
      ...(nice < 0 || cpuWeight > usualWeight ? [] : ['it has the processor as anything else has']),
      ...(oomScoreAdjust < 0 ? [] : ['it is ended as anything else when memory is gone']),
    ];
  },
  good: [good, { ...good, nice: 0, cpuWeight: 200 }],
  bad: [
    { ...good, loadState: 'not-found' },
    { ...good, nice: 0 },
    { ...good, oomScoreAdjust: 0 },
  ],
  broken: { unit: 'LoadState=loaded\nNice=0\nCPUWeight=[not set]\nOOMScoreAdjust=0\n' },
});
