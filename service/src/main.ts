/** The process: flags, signals and exit codes. What it runs is in app.ts. */
import { enableCompileCache } from 'node:module';
import { parseArgs } from 'node:util';
import type { App, AppRole } from './app.ts';
import { type Config, ConfigError, describeEnvironment, EXIT_CONFIG, loadConfig } from './config.ts';
import { stopTracing } from './telemetry/tracing.ts';

const EXIT_FAILURE = 1;
/** EX_USAGE of sysexits.h. */
const EXIT_USAGE = 64;

const HELP = `Usage: node --import ./service/src/telemetry/register.ts service/src/main.ts [options]

Options:
  --role api|worker|all   answer requests, process orders, or both (default: all)
  --check-config          check the environment and exit: 0 when it is right, ${EXIT_CONFIG} when not;
                          prints what is set as JSON, without any secret
  --print-routes          print every route of the live router as JSON and exit
  --help                  this text

Exit codes: 0 drained, ${EXIT_FAILURE} failed to start, crashed or missed the drain deadline, ${EXIT_USAGE} usage, ${EXIT_CONFIG} configuration.
The environment is described in .env.example.
`;

const OPTIONS = {
  role: { type: 'string', default: 'all' },
  'check-config': { type: 'boolean', default: false },
  'print-routes': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** A wrong command line; the message is shown with a pointer to --help. */
class UsageError extends Error {}

function isRole(role: string): role is AppRole {
  return role === 'api' || role === 'worker' || role === 'all';
}

function readFlags(args: readonly string[]) {
  try {
    const { values } = parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false });
    const { role } = values;
    if (!isRole(role)) throw new UsageError(`--role is api, worker or all, not ${JSON.stringify(role)}`);
    return { ...values, role };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(error instanceof Error ? error.message : 'wrong command line', { cause: error });
  }
}

/** Leaves with 0 when everything was drained in time, with 1 when not. A second signal changes nothing. */
function drainOnSignal(app: App, config: Config, logger: import('./telemetry/logger.ts').Logger): void {
  const drain = async (signal: string): Promise<void> => {
    logger.info({ signal, deadlineMs: config.drain.deadlineMs }, 'draining');
    try {
      await app.close(config.drain.deadlineMs);
      await stopTracing();
      logger.info('drained');
      process.exit(0);
    } catch (error) {
      logger.fatal({ err: error }, 'Drain failed');
      process.exit(EXIT_FAILURE);
    }
  };
  let begun = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (!begun) void drain(signal);
      begun = true;
    });
  }
}

async function run(role: AppRole): Promise<void> {
  const config = loadConfig();
  const [{ createAlarmCounter, createApp }, { createLogger }, { secretsOf }] = await Promise.all([
    import('./app.ts'),
    import('./telemetry/logger.ts'),
    import('./telemetry/scrub.ts'),
  ]);
  const logCounter = createAlarmCounter();
  const logger = createLogger({
    level: config.logLevel,
    nodeEnv: config.nodeEnv,
    secrets: secretsOf(config),
    onLine: logCounter.count,
  });
  // After either of these the process's state is unknown. Whoever supervises it starts a fresh one.
  process.on('uncaughtException', (error, origin) => {
    logger.fatal({ err: error, origin }, 'Uncaught exception');
    process.exit(EXIT_FAILURE);
  });
  const app = createApp(config, { logger, role, logCounts: logCounter });
  drainOnSignal(app, config, logger);
  try {
    const { port, metricsPort } = await app.start();
    const { host } = config.http;
    logger.info(
      { role, host, port, metricsHost: config.metrics.host, metricsPort, node: process.version },
      'listening',
    );
  } catch (error) {
    logger.fatal({ err: error }, 'Start failed');
    process.exit(EXIT_FAILURE);
  }
}

async function main(args: readonly string[]): Promise<void> {
  const flags = readFlags(args);
  if (flags.help) process.stdout.write(HELP);
  else if (flags['check-config']) {
    loadConfig();
    process.stdout.write(`${JSON.stringify({ ok: true, ...describeEnvironment() })}\n`);
  } else if (flags['print-routes']) {
    const { describeRoutes } = await import('./app.ts');
    process.stdout.write(`${JSON.stringify(describeRoutes())}\n`);
  } else await run(flags.role);
}

// Compiled code is kept in the temporary directory: the second start is faster, and without the directory it works too.
enableCompileCache();
try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof ConfigError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = EXIT_CONFIG;
  } else if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\nSee --help.\n`);
    process.exitCode = EXIT_USAGE;
  } else throw error;
}
