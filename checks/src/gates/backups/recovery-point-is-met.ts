import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type ArchiveSettings, parseArchiveSettings } from './support/archive-settings.ts';
import { archiveTimeoutSeconds, disasterOf, type Loss } from './support/disaster.ts';

interface Facts {
  /** Null: the service did not come up on the copy, so that nothing could be measured. */
  loss: Loss | null;
  /** In the rehearsal a segment is archived after so long. */
  rehearsedSeconds: number;
  promisedMinutes: number;
  /** What production archives with, and where that is written. */
  file: string;
  production: ArchiveSettings;
}

/** A segment that is due is switched, compressed, encrypted and copied. On a machine that seven others use it takes seconds. */
const shippingMs = 10_000;
const secondMs = 1_000;

export default defineGate<Facts>({
  id: 'backups/recovery-point-is-met',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'pgbackrest', 'pg_amcheck', 'config:recovery', 'config:write'],
  covers: ['backups.recovery-point', 'backups.objectives'],
  unit: 'acknowledged orders',
  why: 'What is lost with a disk was promised in minutes by somebody who never took the disk away.',
  fix: 'Set archive_mode = on, an archive_command that fails when it has not kept the segment, and archive_timeout to less than what may be lost.',
  source: 'https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-ARCHIVING-WAL',
  resources: ['backups'],
  long: true,
  timeoutMs: 120_000,

  async observe(context) {
    const { settings: file, pointMinutes: promisedMinutes } = partOf(context.config, 'recovery');
    const production = parseArchiveSettings(await readFile(join(context.tree.root, file), 'utf8'));
    const { loss } = await disasterOf(context);
    const facts = { loss, rehearsedSeconds: archiveTimeoutSeconds, promisedMinutes, file, production };
    return { examined: (loss?.acknowledged ?? 0) + 1, facts };
  },

  judge: (facts) => [...judgeProduction(facts), ...judgeLoss(facts)],

  samples: {
    good: [facts({}), facts({ loss: loss({ lost: 0, lostMs: 0 }) })],
    bad: [
      facts({ production: { ...sampleSettings(), isOn: false } }),
      facts({ production: { ...sampleSettings(), command: '' } }),
      facts({ production: { ...sampleSettings(), command: 'exit 0' } }),
      facts({ production: { ...sampleSettings(), timeoutSeconds: 0 } }),
      facts({ production: { ...sampleSettings(), timeoutSeconds: 900 } }),
      facts({ loss: null }),
      facts({ loss: loss({ survived: 0 }) }),
      facts({ loss: loss({ holes: ['1'] }) }),
      facts({ loss: loss({ lostMs: 12_000 }) }),
    ],
  },

  /** Production would archive once an hour. */
  async sabotage({ config, scratch }) {
    const { settings } = partOf(config, 'recovery');
    await scratch.edit(settings, /^archive_timeout.*$/m, 'archive_timeout = 1h');
    return undefined;
  },
});

function judgeProduction({ production, promisedMinutes, file }: Facts): Finding[] {
  const { isOn, command, timeoutSeconds, line } = production;
  const findings: Finding[] = [];
  if (!isOn) findings.push({ message: 'archive_mode is not on: nothing is archived', identity: 'mode' });
  if (!command.includes('archive-push')) {
    findings.push({ message: `archive_command keeps nothing: ${command || 'it is empty'}`, identity: 'command' });
  }
  if (timeoutSeconds === 0 || timeoutSeconds >= promisedMinutes * 60) {
    const message = `archive_timeout is ${timeoutSeconds || 'never'}, and at most ${promisedMinutes * 60} s may be lost`;
    findings.push({ message, identity: 'timeout', ...(line === null ? {} : { line }) });
  }
  return findings.map((finding) => ({ file, ...finding }));
}

function judgeLoss({ loss: seen, rehearsedSeconds }: Facts): Finding[] {
  if (seen === null)
    return [{ message: 'the copy took no orders, so that no loss could be measured', identity: 'none' }];
  const { seed, lost, lostMs, holes, survived, acknowledged } = seen;
  const mostMs = rehearsedSeconds * secondMs + shippingMs;
  const findings: Finding[] = [];
  if (survived === 0) {
    const message = `none of ${acknowledged} acknowledged orders was archived before the storage was lost (seed ${seed})`;
    findings.push({ message, identity: 'nothing archived' });
  }
  if (holes.length > 0) {
    const message = `${holes.length} orders are lost although later ones are there, such as ${holes[0]} (seed ${seed})`;
    findings.push({ message, identity: 'holes' });
  }
  if (lostMs > mostMs) {
    const message = `${lost} orders of the last ${lostMs} ms are lost, and with a segment every ${rehearsedSeconds} s ${mostMs} ms are the most (seed ${seed})`;
    findings.push({ message, identity: 'loss' });
  }
  return findings;
}

function sampleSettings(): ArchiveSettings {
  return { isOn: true, command: 'pgbackrest --stanza=main archive-push %p', timeoutSeconds: 60, line: 6 };
}

function loss(change: Partial<Loss>): Loss {
  return { seed: 7, acknowledged: 300, survived: 250, lost: 50, holes: [], lostMs: 900, ...change };
}

function facts(change: Partial<Facts>): Facts {
  const promised = { rehearsedSeconds: 1, promisedMinutes: 15 };
  return { loss: loss({}), ...promised, file: 'postgresql.conf', production: sampleSettings(), ...change };
}
