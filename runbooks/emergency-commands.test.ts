import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { hasRedis } from '../service/test/support/redis.ts';
import { EMERGENCY_STEPS, type RecordedStep } from './test-support/emergency-steps.ts';

const PROGRAM = join(import.meta.dirname, 'test-support/emergency-run.ts');
const RECORD = join(import.meta.dirname, 'emergency-commands.md');
/** Linux gives a process a network of its own, whose ports are all free. Without root it needs user namespaces. */
const OWN_NETWORK = [...(process.getuid?.() === 0 ? [] : ['--user', '--map-current-user', '--keep-caps']), '--net'];
const canIsolate = spawnSync('unshare', [...OWN_NETWORK, 'ip', 'link', 'set', 'lo', 'up']).status === 0;
const hasPrograms = ['psql', 'curl', 'redis-cli'].every((name) => spawnSync(name, ['--version']).status === 0);

const TITLE = '# The emergency commands, recorded';
const INTRODUCTION = `Every line below is what an operator types, and what it showed against a whole stack on its usual ports. A line
that may take a moment is marked. JSON answers are cut to the fields that matter here; \`<token>\` was a trader's key.

The test \`runbooks/emergency-commands.test.ts\` types them all again, and fails when one shows something else; with
\`vitest run runbooks/emergency-commands.test.ts -u\` it writes this page anew.`;
const RUN_TIMEOUT_MS = 50_000;

/** What differs from run to run, and the fields that other pages describe, are left out. */
const SHOWN_FIELDS = ['status', 'symbol', 'side', 'quantity', 'price', 'mode', 'code', 'ready'];

function stable(shown: string): string {
  const text = shown.trimEnd();
  if (!text.startsWith('{'))
    return text.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '(its id)                            ');
  const fields = Object.entries(JSON.parse(text) as Record<string, unknown>).filter(([name]) =>
    SHOWN_FIELDS.includes(name),
  );
  return `${JSON.stringify(Object.fromEntries(fields)).slice(0, -1)},…}`;
}

function page(recorded: readonly RecordedStep[]): string {
  const steps = recorded.map(({ command, shown }, index) => {
    const { why, until } = EMERGENCY_STEPS[index] ?? {};
    const when = until === undefined ? '' : ' (within a second)';
    return `## ${why}${when}\n\n\`\`\`console\n$ ${command}\n${stable(shown)}\n\`\`\``;
  });
  return `${[TITLE, INTRODUCTION, ...steps].join('\n\n')}\n`;
}

test.skipIf(!hasRedis || !canIsolate || !hasPrograms)('the emergency commands work word for word', async () => {
  const inside = 'ip link set lo up && exec "$0" "$1"';
  const { stdout } = await promisify(execFile)(
    'unshare',
    [...OWN_NETWORK, 'sh', '-c', inside, process.execPath, PROGRAM],
    { timeout: RUN_TIMEOUT_MS, killSignal: 'SIGKILL' },
  );
  const recorded = JSON.parse(stdout) as RecordedStep[];
  const shown = recorded.map((step) => stable(step.shown));
  expect(recorded.map(({ command }) => command)).toEqual(EMERGENCY_STEPS.map(({ command }) => command));
  expect(shown[1]).toContain('"status":"OPEN"');
  expect(shown[3]).toBe('OK');
  expect(shown[4]).toContain('"code":"kill_switch_engaged"');
  expect(shown[5]).toMatch(/^\s*0$/m);
  expect(shown[6]).toMatch(/HALTED\s+\| manual\s+\| ops\s+\| redis/);
  expect(shown[8]).toContain('"status":"OPEN"');
  await expect(page(recorded)).toMatchFileSnapshot(RECORD);
});
