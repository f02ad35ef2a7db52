import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Config } from '../src/config.ts';
import type { Gate } from '../src/engine/gate.ts';
import type { CheckResult } from '../src/engine/report.ts';
import fullBackupIsFresh from '../src/gates/backups/full-backup-is-fresh.ts';
import verificationPasses from '../src/gates/backups/verification-passes.ts';
import walIsArchived from '../src/gates/backups/wal-is-archived.ts';
import { withDatabase } from '../src/io/database.ts';
import { type SandboxBackups, startBackups } from '../src/sandbox/backups.ts';
import { lookAt } from './support/look.ts';
import { root, startThrowawayPostgres, type ThrowawayPostgres, tools } from './support/throwaway-postgres.ts';

const hasPgbackrest = tools.find('pgbackrest') !== undefined;
const setUpWithinMs = 60_000;

let postgres: ThrowawayPostgres;
let original: SandboxBackups;
let systemId: string;
/** Names that only the run knows: of the full backup, of the incremental one, and of a segment between them. */
let full: string;
let incremental: string;

/** A full and an incremental backup with some log between and after them; each damage is done to a copy. */
beforeAll(async () => {
  if (!hasPgbackrest) return;
  postgres = await startThrowawayPostgres();
  original = await startBackups({ directory: postgres.directory, postgres, tools });
  await original.run('--repo=1', '--type=full', 'backup');
  await original.archive();
  await original.archive();
  await original.run('--repo=1', '--type=incr', 'backup');
  await original.run('--repo=2', '--type=full', 'backup');
  await original.archive();
  const sql = 'SELECT system_identifier AS id FROM pg_control_system()';
  systemId = (await withDatabase(postgres.url, (database) => database.query(sql)))[0]?.id ?? '';
  const labels = readdirSync(join(original.directory, 'repository-1', 'backup', 'main')).filter((name) =>
    /^\d{8}-/.test(name),
  );
  full = labels.find((label) => label.endsWith('F')) ?? '';
  incremental = labels.find((label) => label.endsWith('I')) ?? '';
}, setUpWithinMs);
afterAll(async () => postgres?.close());

/** A copy of the repositories, with the configuration that reads it. */
class Copy {
  readonly directory = mkdtempSync(join(tmpdir(), 'preflight-damage-'));
  readonly repository = join(this.directory, 'repository-1');
  readonly configFile = join(this.directory, 'pgbackrest.conf');
  config: NonNullable<Config['backups']>;

  constructor() {
    cpSync(original.directory, this.directory, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    this.editConfig((text) =>
      text.replaceAll(original.directory, this.directory).replace('[global]', '[global]\njob-retry=0'),
    );
    this.config = {
      ...{ stanza: original.stanza, configFile: this.configFile, systemId, since: '2026-01-01' },
      promises: {
        ...{ fullWithinHours: 26, incrementalWithinHours: 4, walWithinMinutes: 15, secondWithinHours: 192 },
        ...{ daily: 30, weekly: 12, monthly: 12, secondMayBeLocal: true },
        fullStarts: { from: '00:00', until: '23:59', timeZone: 'UTC' },
      },
    };
  }

  editConfig(edit: (text: string) => string): void {
    writeFileSync(this.configFile, edit(readFileSync(this.configFile, 'utf8')));
  }

  backup(label: string, ...path: string[]): string {
    return join(this.repository, 'backup', 'main', label, ...path);
  }

  /** Segments of the log, oldest first. */
  segments(): string[] {
    const directory = join(this.repository, 'archive', 'main', '15-1', '0000000100000000');
    const names = readdirSync(directory).filter((name) => /^[0-9A-F]{24}-/.test(name));
    return names.sort().map((name) => join(directory, name));
  }

  /** The segment that a backup cannot be restored without. */
  segmentOf(label: string): string {
    const mark = readdirSync(join(this.segments()[0] ?? '', '..')).filter((name) => name.endsWith('.backup'));
    const first = mark.sort()[label === full ? 0 : 1]?.slice(0, 24) ?? '';
    return this.segments().find((path) => path.includes(first)) ?? '';
  }

  look(gate: Gate<never>): Promise<CheckResult> {
    return lookAt(gate, root, { backups: this.config });
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function flipBit(file: string): void {
  const bytes = readFileSync(file);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

function removeInfo(repository: string, kind: 'archive' | 'backup'): void {
  for (const suffix of ['', '.copy']) rmSync(join(repository, kind, 'main', `${kind}.info${suffix}`));
}

const damages: readonly [string, (copy: Copy) => void, RegExp][] = [
  ['a file is missing', (copy) => rmSync(copy.backup(full, 'bundle', '1')), /invalid: missing: \d+/],
  ['a file is cut short', (copy) => truncateSync(copy.backup(full, 'bundle', '1'), 50_000), /checksum invalid: \d+/],
  ['a bit is flipped', (copy) => flipBit(copy.backup(full, 'bundle', '1')), /checksum invalid: [1-9]/],
  ['the manifest is gone', (copy) => removeManifests(copy), /manifest missing/],
  ['a label lists what is gone', (copy) => rmSync(copy.backup(incremental), { recursive: true }), /which is not there/],
  ['a backup has another name', (copy) => renameSync(copy.backup(full), copy.backup(aSecondLater(full))), /not there/],
  ['a segment that a backup needs is missing', (copy) => rmSync(copy.segmentOf(full)), /repository 1 lacks 0000/],
  ['a segment between two backups is missing', (copy) => rmSync(copy.segments()[4] ?? ''), /a moment after the full/],
  ['a segment is cut short', (copy) => truncateSync(copy.segments()[4] ?? '', 1_000), /other: 1/],
  ['a bit of a segment is flipped', (copy) => flipBit(copy.segments()[4] ?? ''), /invalid: 1|other: 1/],
  [
    'all of the log is gone',
    (copy) => rmSync(join(copy.repository, 'archive', 'main', '15-1'), { recursive: true }),
    /no write-ahead log/,
  ],
  ['the record of backups is gone', (copy) => removeInfo(copy.repository, 'backup'), /No usable backup.info/],
  ['the record of the archive is gone', (copy) => removeInfo(copy.repository, 'archive'), /No usable archive.info/],
  [
    'it is of another cluster',
    (copy) => Object.assign(copy.config, { systemId: '7000000000000000000' }),
    /production is 7000000000000000000/,
  ],
  ['the repository is empty', (copy) => emptied(copy), /missing stanza path/],
];

/** A label with another last digit: `20261120-155514F` becomes `20261120-155515F`, and a 9 becomes a 0. */
function aSecondLater(label: string): string {
  return label.replace(/\d(?=F$)/, (digit) => String((Number(digit) + 1) % 10));
}

function removeManifests(copy: Copy): void {
  for (const suffix of ['', '.copy']) rmSync(copy.backup(full, `backup.manifest${suffix}`));
}

function emptied({ repository }: Copy): void {
  for (const part of ['archive', 'backup']) rmSync(join(repository, part), { recursive: true });
}

describe.skipIf(!hasPgbackrest)('a repository of backups', () => {
  test('that is whole passes', async () => {
    const copy = new Copy();
    for (const gate of [verificationPasses, fullBackupIsFresh, walIsArchived]) {
      const { outcome, findings, examined } = await copy.look(gate as Gate<never>);
      expect({ outcome, findings }).toEqual({ outcome: 'pass', findings: [] });
      expect(examined).toBeGreaterThan(4);
    }
    copy.remove();
  });

  test.for(damages)('%s: told as fail', async ([, damage, message]) => {
    const copy = new Copy();
    damage(copy);
    const { outcome, findings } = await copy.look(verificationPasses as Gate<never>);
    expect(findings.map((finding) => finding.message).join('\n')).toMatch(message);
    expect(outcome).toBe('fail');
    copy.remove();
  });

  const blindnesses: readonly [string, (copy: Copy) => void, RegExp][] = [
    [
      'the passphrase is wrong',
      (copy) => copy.editConfig((text) => text.replaceAll(/(cipher-pass=).{4}/g, '$1AAAA')),
      /repository 1 cannot be read/,
    ],
    ['there is no configuration', (copy) => rmSync(copy.configFile), /ended with exit code/],
    ['nothing answers where it lies', (copy) => copy.editConfig(toNowhere), /cannot be read|ended with exit code/],
  ];

  test.for(blindnesses)('%s: an error, because nobody has looked', async ([, blind, message]) => {
    const copy = new Copy();
    blind(copy);
    const { outcome, findings } = await copy.look(verificationPasses as Gate<never>);
    expect(findings.map((finding) => finding.message).join('\n')).toMatch(message);
    expect(outcome).toBe('error');
    copy.remove();
  });
});

/** Another machine, at a port where nobody listens. */
function toNowhere(text: string): string {
  const host = [
    'repo1-host=127.0.0.1',
    'repo1-host-type=tls',
    'repo1-host-port=1',
    'io-timeout=1',
    'db-timeout=1',
    'protocol-timeout=2',
  ];
  return text.replace('[global]', ['[global]', ...host].join('\n'));
}
