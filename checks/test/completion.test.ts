import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Shell, shells } from '../src/commands/completion.ts';
import { exec, execOrThrow } from '../src/io/exec.ts';
import { repositoryRoot } from './support/look.ts';

const cli = join(repositoryRoot, 'checks', 'src', 'cli.ts');

async function scriptFor(shell: Shell): Promise<string> {
  return (await execOrThrow(process.execPath, [cli, 'completion', shell], { cwd: repositoryRoot })).stdout;
}

/** What bash offers for the last word. `preflight` itself is this repository's. */
async function offered(...words: string[]): Promise<string[]> {
  const asked = `preflight() { '${process.execPath}' '${cli}' "$@"; }
${await scriptFor('bash')}
COMP_WORDS=(preflight "$@"); COMP_CWORD=$#; _preflight; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await execOrThrow('bash', ['-c', asked, 'bash', ...words], { cwd: repositoryRoot });
  return stdout.split('\n').filter(Boolean);
}

test('bash offers commands, options, their values, and the ids of gates', async () => {
  expect(await offered('ve')).toEqual(['verify']);
  expect(await offered('')).toEqual(expect.arrayContaining(['run', 'prove', 'checklist', 'completion']));
  expect(await offered('run', '--prof')).toEqual(['--profile']);
  expect(await offered('run', '--profile', '')).toEqual(['static', 'commit', 'release']);
  expect(await offered('explain', 'secrets/no-secret-in-')).toEqual([
    'secrets/no-secret-in-tree',
    'secrets/no-secret-in-history',
  ]);
});

test.for(shells)('%s reads its script', async (shell, context) => {
  const { code } = await exec('sh', ['-c', `command -v ${shell}`]);
  context.skip(code !== 0, `${shell} is not on this machine`);
  const directory = mkdtempSync(join(tmpdir(), 'preflight-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'completion');
  writeFileSync(file, await scriptFor(shell));
  expect(await exec(shell, ['-n', file])).toMatchObject({ code: 0, stderr: '' });
});

test('every command is in every script', async () => {
  for (const shell of shells) {
    const script = await scriptFor(shell);
    for (const word of ['run', 'verify', 'prove', 'static commit release']) expect(script).toContain(word);
  }
});
