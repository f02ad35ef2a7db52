import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const HERE = import.meta.dirname;
const scratch = mkdtempSync(join(tmpdir(), 'deploy-monitoring-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const has = (program: string) => spawnSync(program, ['--version']).status === 0;

/** As it is installed: with values in place of `${NAME}`, and the templates beside it. */
function install(): { file: string; names: string[] } {
  const names = new Set<string>();
  const filled = (path: string) =>
    readFileSync(join(HERE, 'alertmanager', path), 'utf8').replace(/\$\{(\w+)\}/g, (_, name: string) => {
      names.add(name);
      return 'filled-in.example';
    });
  const file = join(scratch, 'alertmanager.yml');
  writeFileSync(join(scratch, 'alerts.tmpl'), filled('templates/alerts.tmpl'));
  writeFileSync(file, filled('alertmanager.yml').replace('/etc/alertmanager/templates', scratch));
  return { file, names: [...names] };
}

test.skipIf(!has('amtool'))('Alertmanager takes its configuration and templates', () => {
  const { status, stdout } = spawnSync('amtool', ['check-config', install().file], { encoding: 'utf8' });
  expect(stdout).toMatch(/1 templates\s+SUCCESS/);
  expect(status).toBe(0);
});

test('the page names every value that has to be filled in', () => {
  const page = readFileSync(join(HERE, 'README.md'), 'utf8');
  expect(install().names.filter((name) => !page.includes(`${name}=`))).toEqual([]);
});

test.skipIf(!has('promtool'))('Prometheus takes its configuration, and its rule files are those that there are', () => {
  const { status, stdout, stderr } = spawnSync(
    'promtool',
    ['check', 'config', join(HERE, 'prometheus/prometheus.yml')],
    {
      encoding: 'utf8',
    },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('9 rule files found');
});
