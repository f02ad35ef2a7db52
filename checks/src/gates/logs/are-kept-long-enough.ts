import { strictest, thresholds } from '../../checklist/thresholds.ts';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { daysKept, type Rotation, readRotations } from './support/logrotate.ts';

interface Facts {
  /** What the collector keeps. */
  store: string;
  daysMin: number;
  rotations: (Pick<Rotation, 'paths' | 'file' | 'line'> & { days: number; compressed: boolean })[];
}

export default defineGate<Facts>({
  id: 'logs/are-kept-long-enough',
  severity: 'warning',
  profile: 'static',
  needs: ['config:logCollection'],
  covers: ['logs.retention', 'logs.rotated', 'logs.archived', 'logs.aggregated.whole'],
  unit: 'rotations',
  files: ({ logCollection }) => logCollection?.rotation ?? [],
  why: 'A break-in is found after months: what was thrown away after a week is what would have told of it. And a log that nobody rotates fills the disk.',
  fix: 'Rotate daily, compress, and keep as many files as there are days: `daily`, `rotate 92`, `compress`.',
  source: 'https://man7.org/linux/man-pages/man8/logrotate.8.html',

  async observe({ config, tree }) {
    const { rotation, store } = partOf(config, 'logCollection');
    const read = await Promise.all(rotation.map(async (file) => readRotations(await tree.read(file), file)));
    const rotations = read.flat().map((block) => {
      const { paths, file, line, directives } = block;
      return { paths, file, line, days: daysKept(block), compressed: 'compress' in directives };
    });
    return { examined: rotations.length, facts: { store, daysMin: daysPromised(), rotations } };
  },

  judge({ store, daysMin, rotations }) {
    const kept = rotations.find(({ paths }) => paths.includes(store));
    const findings: Finding[] = [];
    if (!kept)
      findings.push({ message: `nothing rotates ${store}: it grows until the disk is full`, identity: 'store' });
    else if (kept.days < daysMin)
      findings.push({
        message: `${store} is kept for ${kept.days} days, and ${daysMin} are promised`,
        ...{ file: kept.file, line: kept.line, identity: 'days' },
      });
    for (const { paths, file, line, days, compressed } of rotations) {
      const what = paths.join(' ');
      if (days === 0)
        findings.push({ message: `nothing says when ${what} is rotated, or how many are kept`, file, line });
      if (!compressed) findings.push({ message: `what is rotated of ${what} is not compressed`, file, line });
    }
    return findings;
  },

  samples: {
    good: [facts({})],
    bad: [
      facts({ days: 30 }),
      facts({ days: 0 }),
      facts({ compressed: false }),
      facts({ paths: ['/var/log/other/*.log'] }),
    ],
  },

  /** Somebody needed room, and kept a week. */
  async sabotage({ config, scratch }) {
    for (const file of partOf(config, 'logCollection').rotation) {
      const text = await scratch.read(file);
      await scratch.write(file, text.replace(/\b(rotate|maxage) \d+/g, '$1 7'));
    }
    return undefined;
  },
});

function daysPromised(): number {
  const threshold = thresholds.find(({ item }) => item === 'logs.retention');
  if (!threshold) throw new Error('no document states how long logs are kept');
  return strictest(threshold);
}

function facts(change: Partial<Facts['rotations'][number]>): Facts {
  const rotation = { paths: ['/var/log/all/*.log'], file: 'logrotate.conf', line: 3, days: 92, compressed: true };
  return { store: '/var/log/all/*.log', daysMin: 90, rotations: [{ ...rotation, ...change }] };
}
