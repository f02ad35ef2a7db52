import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { missingNeeds, type Surroundings } from '../src/engine/needs.ts';
import { mayMount, mountedBelow, unmountBelow } from '../src/io/mounts.ts';
import { createDirectory, sweep } from '../src/sandbox/journal.ts';
import { mountSmallDisk } from '../src/sandbox/small-disk.ts';

const sizeBytes = 3 * 1_048_576;

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'preflight-test-'));
  chmodSync(home, 0o711);
  vi.stubEnv('TMPDIR', home);
});
afterEach(async () => {
  await unmountBelow(home);
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

describe.runIf(mayMount())('a small disk', () => {
  test('is filled to its last block, and has room again afterwards', async () => {
    const disk = await mountSmallDisk(join(home, 'disk'), sizeBytes, {});
    expect(await disk.fill()).toBe(sizeBytes);
    expect(() => writeFileSync(join(disk.directory, 'more'), 'x')).toThrow('ENOSPC');
    await disk.free();
    writeFileSync(join(disk.directory, 'more'), 'x');
    expect(mountedBelow(home)).toEqual([disk.directory]);
    await disk.unmount();
    expect(mountedBelow(home)).toEqual([]);
  });

  test('of a run that was killed is unmounted by the next one', async () => {
    const directory = await createDirectory();
    await mountSmallDisk(join(directory, 'disk'), sizeBytes, {});
    // As if whoever made it had been killed: a process of that number, begun at that moment, there is none.
    writeFileSync(join(directory, 'owner.json'), JSON.stringify({ pid: process.pid, startedAt: '0' }));
    expect(await sweep()).toEqual([directory]);
    expect(mountedBelow(home)).toEqual([]);
    expect(existsSync(directory)).toBe(false);
  });
});

test('whoever may not mount is told so, as a need that is absent', async () => {
  const [nothing, told] = [[], [expect.stringContaining('the right to mount a file system')]];
  expect(await missingNeeds(['mount'], {} as Surroundings)).toEqual(mayMount() ? nothing : told);
});

test('the right to mount is that of the process, not the number of its user', ({ skip }) => {
  if (!mayMount()) skip();
  const mounts = join(import.meta.dirname, '..', 'src', 'io', 'mounts.ts');
  const script = `import { mayMount } from ${JSON.stringify(mounts)}; console.log(mayMount());`;
  const args = ['--bounding-set', '-sys_admin', '--', process.execPath, '--input-type=module-typescript', '-e', script];
  const { stdout, stderr } = spawnSync('setpriv', args, { encoding: 'utf8' });
  expect({ stdout, stderr }).toEqual({ stdout: 'false\n', stderr: '' });
});
