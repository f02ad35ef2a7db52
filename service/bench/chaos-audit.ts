import { parseArgs } from 'node:util';
import { EXIT_FAILED, runCommand, UsageError } from '../src/command.ts';
import { type ChaosReport, runChaos } from '../test/support/chaos.ts';

const USAGE = `Usage: node service/bench/chaos-audit.ts [--minutes N] [--seed N] [--json]

Trades at random on a throwaway stack of its own while the service, PostgreSQL and Redis are killed again and again, then
asks every invariant of the books.

  --minutes N   how long (10); fractions too
  --seed N      what is asked for and struck; the same seed asks for the same (default: the time)
  --json        the report as one line of JSON

Exit codes: 0 nothing lost, nothing doubled, nothing broken; 1 otherwise; 2 usage.`;

const MINUTES_MAX = 600;

function readArguments(args: string[]): { minutes: number; seed: number; json: boolean } {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      json: { type: 'boolean', default: false },
    },
  });
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
  if (!(minutes > 0 && minutes <= MINUTES_MAX)) throw new UsageError(`--minutes must be above 0, up to ${MINUTES_MAX}`);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new UsageError('--seed must be a whole number from 0');
  return { minutes, seed, json: values.json };
}

function describe({ seed, faults, answers, acknowledged, lost, differing, audit }: ChaosReport): string {
  const struck = Object.entries(faults).map(
    ([name, { times, inFlight }]) => `  ${name} killed ${times} times, with ${inFlight} requests in flight in all`,
  );
  const answered = Object.entries(answers).map(([what, count]) => `  ${count} × ${what}`);
  const asked = audit.invariants.map(
    ({ name, verdict, looksAt, violations }) =>
      `  ${verdict.padEnd(7)}  ${name}: ${looksAt} rows${violations > 0 ? `, ${violations} break it` : ''}`,
  );
  return [
    `seed ${seed}`,
    ...struck,
    ...answered,
    `${acknowledged} orders acknowledged, ${lost.length} lost, ${differing.length} answered differently when repeated`,
    ...asked,
  ].join('\n');
}

async function main(args: string[]): Promise<void> {
  const { minutes, seed, json } = readArguments(args);
  const report = await runChaos(minutes * 60_000, seed, (line) => process.stderr.write(`${line}\n`));
  process.stdout.write(`${json ? JSON.stringify(report) : describe(report)}\n`);
  const sound = report.audit.ok && report.lost.length === 0 && report.differing.length === 0;
  process.exitCode = sound ? 0 : EXIT_FAILED;
}

if (import.meta.main) {
  await runCommand(USAGE, main);
}
