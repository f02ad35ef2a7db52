import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Runs functions of go-tools.sh on the repository's own go.mod. */
function ask(script: string): string {
  return execFileSync('bash', ['-c', `set -euo pipefail; source tools/setup/go-tools.sh; ${script}`], {
    cwd: repository,
    encoding: 'utf8',
  });
}

test('each tool of tools/go.mod has a name of its own and the version of the module that holds it', () => {
  const lines = ask(`
    while read -r package; do
      read -r module version < <(go_tool_module "$package")
      echo "$(go_tool_name "$package") $module \${version%%[0-9]*}"
    done < <(go_tool_packages)`);
  expect(lines.trim().split('\n')).toEqual([
    'toxiproxy-cli github.com/Shopify/toxiproxy/v2 v',
    'toxiproxy-server github.com/Shopify/toxiproxy/v2 v',
    'actionlint github.com/rhysd/actionlint v',
    'kubeconform github.com/yannh/kubeconform v',
    'gitleaks github.com/zricethezav/gitleaks/v8 v',
    'k6 go.k6.io/k6/v2 v',
  ]);
});

test('a package that no required module holds is refused, also when a module begins with the same letters', () => {
  expect(() => ask('go_tool_module go.k6.io/k6/v22/cmd')).toThrow('Command failed');
});
