import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { CheckResult } from '../src/engine/report.ts';
import scriptsAreSound from '../src/gates/runbooks/scripts-are-sound.ts';
import { findTools } from '../src/io/tools.ts';
import { lookAt, repositoryRoot } from './support/look.ts';
import { createSmallRepository, type SmallRepository } from './support/small-repository.ts';

const sound = `#!/usr/bin/env bash
set -euo pipefail
case "\${1:-}" in
  --help) printf 'Usage: stop [--dry-run]\\n\\nOptions:\\n  --dry-run  do nothing\\n\\nExit codes:\\n  0  done\\n  2  wrong usage\\n' ;;
  --dry-run) echo 'would stop' ;;
  *) echo "unknown: \${1:-}" >&2; exit 2 ;;
esac
`;

let opened: SmallRepository | undefined;
afterEach(() => opened?.close());

async function look(files: Record<string, string>, plain: readonly string[] = []): Promise<CheckResult> {
  opened?.close();
  opened = await createSmallRepository(files);
  for (const file of Object.keys(files)) chmodSync(join(opened.root, file), plain.includes(file) ? 0o644 : 0o755);
  return lookAt(scriptsAreSound, opened.root, {
    runbooks: { scripts: ['bin/*'], dryRunArguments: { 'bin/get': ['ID'] } },
  });
}

describe.runIf(findTools(repositoryRoot).find('shellcheck'))('runbook scripts', () => {
  test('a sound script and its library', async () => {
    const files = { 'bin/stop': sound, 'bin/lib.sh': '# shellcheck shell=bash\nreadonly LIMIT=3\nexport LIMIT\n' };
    expect(await look(files, ['bin/lib.sh'])).toMatchObject({ outcome: 'pass', examined: 2, findings: [] });
  });

  test.each([
    ['an unquoted word', "echo 'would stop'", 'echo $HOME', /^SC2086/],
    ['a help without exit codes', 'Exit codes:', 'Codes:', /^--help says nothing of: exit codes$/],
    ['a help that fails', "printf 'Usage", "exit 1; printf 'Usage", /^--help ends with exit code 1/],
    ['a dry run that fails', "echo 'would stop'", 'exit 3', /^--dry-run ends with exit code 3/],
    [
      'a dry run that writes',
      "echo 'would stop'",
      'echo done >"$HOME/.stopped"',
      /left files behind: home\/\.stopped$/,
    ],
    [
      'a dry run that calls the service and hides it',
      "echo 'would stop'",
      'curl --silent "$SERVICE_URL" || true',
      /^--dry-run connected 1 times$/,
    ],
    [
      'an unknown flag that is taken for good',
      'exit 2',
      'exit 0',
      /^a flag that it does not have ends with exit code 0/,
    ],
    [
      'an unknown flag that is refused too late',
      'exit 2',
      'curl --silent "$SERVICE_URL" || exit 2',
      /^a flag that it does not have is only refused after something was sent$/,
    ],
  ])('%s', async (_, before, after, expected) => {
    expect(sound).toContain(before);
    const { outcome, findings } = await look({ 'bin/stop': sound.replace(before, after) });
    expect(outcome).toBe('fail');
    expect(findings.some(({ file, message }) => file === 'bin/stop' && expected.test(message))).toBe(true);
  });

  test('a script that nobody can run, and one that names no shell', async () => {
    expect((await look({ 'bin/stop': sound }, ['bin/stop'])).findings).toMatchObject([
      { message: 'is a script that cannot be run', fix: expect.stringContaining('chmod +x bin/stop') },
    ]);
    const nameless = await look({ 'bin/stop': sound.replace('#!/usr/bin/env bash\n', '# shellcheck shell=bash\n') });
    expect(nameless.findings).toMatchObject([{ message: 'has no first line that says what runs it' }]);
  });

  test('a script is given the arguments that its dry run cannot do without', async () => {
    const needy = sound.replace("echo 'would stop'", 'if [[ "$2" != ID ]]; then exit 9; fi');
    expect(await look({ 'bin/get': needy })).toMatchObject({ outcome: 'pass' });
  });

  test('no script at all is no pass', async () => {
    expect(await look({ 'readme.md': 'hello\n' })).toMatchObject({ outcome: 'error', examined: 0 });
  });
});
