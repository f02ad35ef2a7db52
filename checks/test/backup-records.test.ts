import { describe, expect, test } from 'vitest';
import { parseArchiveSettings } from '../src/gates/backups/support/archive-settings.ts';
import { lossOf } from '../src/gates/backups/support/disaster.ts';
import { holesIn } from '../src/gates/backups/support/holes.ts';
import { sampleBackup } from '../src/gates/backups/support/records.ts';
import { refuseWithoutRoom } from '../src/gates/database/support/space.ts';
import { parseRecords, parseVerification } from '../src/io/pgbackrest.ts';
import { isElsewhere, parseSettings, placesOf } from '../src/io/pgbackrest-settings.ts';
import { missingBetween, numberOf } from '../src/io/wal-segments.ts';
import type { Attempt } from '../src/io/writes.ts';

describe('pgbackrest verify', () => {
  test('says what is wrong in its words, and each of its parts is told apart', () => {
    const { archives, backups, faults } = parseVerification(`stanza: main
status: error
  archiveId: 15-1, total WAL checked: 8, total valid WAL: 7
    missing: 0, checksum invalid: 0, size invalid: 0, other: 1
  backup: 20261120-131018F, status: invalid, total files checked: 1265, total valid files: 1264
    missing: 0, checksum invalid: 1, size invalid: 0, other: 0
  backup: 20261120-131018F_20261120-131023I, status: valid, total files checked: 1265, total valid files: 1265
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
`);
    expect(archives).toEqual([
      { name: '15-1', checked: 8, fault: 'missing: 0, checksum invalid: 0, size invalid: 0, other: 1' },
    ]);
    expect(backups.map(({ name, fault }) => [name, fault])).toEqual([
      ['20261120-131018F', 'invalid: missing: 0, checksum invalid: 1, size invalid: 0, other: 0'],
      ['20261120-131018F_20261120-131023I', null],
    ]);
    expect(faults).toEqual([]);
  });

  test('a backup without a manifest is none, although all that was looked at is valid', () => {
    const said =
      'stanza: main\nstatus: ok\n  backup: 1F, status: manifest missing, total files checked: 0, total valid files: 0\n';
    expect(parseVerification(said).backups).toEqual([{ name: '1F', checked: 0, fault: 'manifest missing' }]);
  });

  test.each(['', 'completed successfully', 'stanza: main'])('%j is no result', (text) => {
    expect(() => parseVerification(text)).toThrow('did not say what it found');
  });
});

describe('pgbackrest info', () => {
  const backup =
    `{"archive":{"start":"000000010000000000000003","stop":"000000010000000000000003"},"database":{"id":1,"repo-key":1},"error":false,
    "info":{"delta":1,"repository":{"delta":2,"size":3},"size":4},"label":"1F","timestamp":{"start":10,"stop":20},"type":"full"}`.replaceAll(
      '\n',
      '',
    );
  const record = (system: string) =>
    `[{"backup":[${backup}],"db":[{"id":1,"repo-key":1,"system-id":${system},"version":"15"}],"repo":[{"cipher":"none","key":1,"status":{"code":0,"message":"ok"}}]}]`;

  test('a system identifier of 64 bits keeps its last digit', () => {
    const [seen] = parseRecords(record('7710240318639133291')).backups;
    expect(seen).toMatchObject({ label: '1F', systemId: '7710240318639133291', stoppedAtMs: 20_000, sizeBytes: 4 });
  });

  test.each(['[]', '{}', 'nothing', '[{"repo":1}]'])('%j is no record', (text) => {
    expect(() => parseRecords(text)).toThrow();
  });
});

describe('segments of the write-ahead log', () => {
  test('are counted across a file of 256', () => {
    expect(numberOf('000000010000000100000000') - numberOf('0000000100000000000000FF')).toBe(1);
    expect(
      missingBetween('0000000100000000000000FE', '000000010000000100000001', new Set(['0000000100000000000000FF'])),
    ).toEqual([...['0000000100000000000000FE', '000000010000000100000000', '000000010000000100000001']]);
  });

  test('a hole after the newest full backup is found, one before it only where a backup needs it', () => {
    const named = (number: number) => `00000001000000000000000${number}`;
    const segments = [3, 4, 7, 9].map((number) => ({
      repository: 1,
      archive: '15-1',
      name: named(number),
      archivedAtMs: 0,
    }));
    const older = sampleBackup({ label: 'old', walStart: named(3), walStop: named(4) });
    const newest = sampleBackup({ label: 'new', walStart: named(7), walStop: named(7) });
    expect(holesIn([older, newest], segments)).toEqual([
      { without: 'a moment after the full backup new', repository: 1, missing: [named(8)] },
    ]);
    expect(holesIn([sampleBackup({ walStart: '', walStop: '' })], segments)[0]?.missing).toEqual(['all of its log']);
  });

  test('what is no segment is refused', () => expect(() => numberOf('00000002.history')).toThrow('is no segment'));
});

describe('pgbackrest.conf', () => {
  const text = `
# a comment
[global]
repo1-path=/var/lib/pgbackrest
repo1-retention-full = 31
repo10-type=s3
repo2-host=backup.example
[other]
repo3-type=s3
[main]
repo1-path=/elsewhere
`;

  test("a stanza's own section goes before the global one, and another one's does not matter", () => {
    const settings = parseSettings(text, 'main');
    expect(settings.get('repo1-path')).toBe('/elsewhere');
    expect(placesOf(settings)).toEqual([
      { key: 1, type: 'posix', host: null, hasRetention: true },
      { key: 2, type: 'posix', host: 'backup.example', hasRetention: false },
      { key: 10, type: 's3', host: null, hasRetention: false },
    ]);
    expect(placesOf(settings).map(isElsewhere)).toEqual([false, true, true]);
  });
});

describe("what PostgreSQL's settings say of the archive", () => {
  test.each([
    [
      "archive_mode = on\narchive_command = 'x archive-push %p'\narchive_timeout = 60s",
      true,
      'x archive-push %p',
      60,
      3,
    ],
    ['archive_mode=always\narchive_timeout=5min', true, '', 300, 2],
    ["archive_timeout '1h'\nARCHIVE_MODE on", true, '', 3_600, 1],
    ['archive_timeout = 60 # a minute\narchive_timeout = 90', false, '', 90, 2],
    ["#archive_mode = on\narchive_command = 'it''s'", false, "it''s", 0, null],
  ])('%j', (text, isOn, command, timeoutSeconds, line) => {
    expect(parseArchiveSettings(text)).toEqual({ isOn, command, timeoutSeconds, line });
  });

  test('a time that PostgreSQL would not take is an error', () => {
    expect(() => parseArchiveSettings('archive_timeout = soon')).toThrow('archive_timeout is no time: soon');
  });
});

describe('what was lost with the storage', () => {
  const attempt = (id: string, startedAtMs: number, accepted = true): Attempt => ({
    ...{ idempotencyKey: id, writer: 0, startedAtMs, endedAtMs: startedAtMs + 10 },
    ...{ status: accepted ? 201 : null, accepted, id: accepted ? id : null, retryAfter: null },
  });
  const attempts = [attempt('a', 0), attempt('b', 20), attempt('c', 40), attempt('d', 60, false)];

  test('is the end of what was acknowledged; what nobody acknowledged is not lost', () => {
    const loss = lossOf(attempts, new Set(['a', 'b']), 100, 7);
    expect(loss).toEqual({ seed: 7, acknowledged: 3, survived: 2, lost: 1, holes: [], lostMs: 60 });
  });

  test('is a hole where a later one survived', () => {
    expect(lossOf(attempts, new Set(['a', 'c']), 100, 7).holes).toEqual(['b']);
  });

  test('is nothing when all is there', () => {
    expect(lossOf(attempts, new Set(['a', 'b', 'c']), 100, 7)).toMatchObject({ lost: 0, lostMs: 0, holes: [] });
  });
});

test('a copy that does not fit is refused, with both figures; one that just fits is not', () => {
  expect(() => refuseWithoutRoom({ neededBytes: 30_000_000, freeBytes: 29_000_000 })).toThrow(
    'a copy needs 30 MB of scratch space, and 29 MB are free: nothing was restored',
  );
  expect(() => refuseWithoutRoom({ neededBytes: 30_000_000, freeBytes: 30_000_000 })).not.toThrow();
});
