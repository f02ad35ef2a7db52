import pg from 'pg';
import { createApp, type Log, routesOf } from './app.ts';
import { readConfig } from './config.ts';
import { beat } from './todos.ts';

const badConfiguration = 78;
const beatEveryMs = 500;
const databaseTimeoutMs = 1_500;

const log: Log = (fields) => void process.stdout.write(`${JSON.stringify({ at: new Date(), ...fields })}\n`);
const { config, faults } = readConfig(process.env);
const wants = (flag: string) => process.argv.includes(flag);
const pool = new pg.Pool({
  connectionString: config.databaseUrl,
  max: config.poolMax,
  connectionTimeoutMillis: databaseTimeoutMs,
  query_timeout: databaseTimeoutMs,
});

if (wants('--print-routes')) {
  process.stdout.write(`${JSON.stringify(routesOf(pool).map(({ method, path }) => ({ method, path })))}\n`);
} else if (faults.length > 0) {
  process.stderr.write(`${faults.join('\n')}\n`);
  process.exitCode = badConfiguration;
} else if (!wants('--check-config')) {
  serve();
}

function serve(): void {
  const failed = (error: NodeJS.ErrnoException) => log({ level: 'error', code: error.code ?? 'unknown' });
  pool.on('error', failed);
  const server = createApp(pool, log).listen(config.port, '127.0.0.1', () => log({ level: 'info', port: config.port }));
  const beating = setInterval(() => void beat(pool, 'reminder').catch(failed), beatEveryMs);
  process.once('SIGTERM', () => {
    clearInterval(beating);
    server.close(() => void pool.end());
    server.closeIdleConnections();
  });
}
