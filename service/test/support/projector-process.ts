/**
 * A projector as a process of its own, to be killed: node projector-process.ts DATABASE_URL BATCH HOLD_MS
 *
 * It writes `claimed` when it has projected a batch and not committed, and `committed N` afterwards, so that whoever kills
 * it knows whether the kill struck in between. It leaves when nothing is left for a while.
 */
import { writeSync } from 'node:fs';
import { projectEvents } from '../../src/db/activity.ts';
import { createPool, transaction } from '../../src/db/pool.ts';

const [databaseUrl = '', batch = '5', holdMs = '0'] = process.argv.slice(2);
const IDLE_ROUNDS = 20;
const IDLE_PAUSE_MS = 25;
const say = (line: string): number => writeSync(1, `${line}\n`);

const pool = createPool({
  connectionString: databaseUrl,
  applicationName: 'projector under test',
  max: 1,
  queueMax: 1,
  connectionTimeoutMs: 10_000,
  statementTimeoutMs: 10_000,
  lockTimeoutMs: 10_000,
  idleInTransactionTimeoutMs: 10_000,
  queryTimeoutMs: 11_000,
  onError: () => undefined,
});

for (let idle = 0; idle < IDLE_ROUNDS; ) {
  const projected = await transaction(pool, async (tx) => {
    const events = await projectEvents(tx, Number(batch), true);
    if (events.length > 0) {
      say('claimed');
      // The longer a claim stands open, the surer a kill strikes one.
      await tx.query({ text: 'SELECT pg_sleep($1::float / 1000)', values: [Number(holdMs)] });
    }
    return events.filter(({ first }) => first).length;
  });
  if (projected > 0) {
    say(`committed ${projected}`);
    idle = 0;
  } else {
    idle += 1;
    await new Promise((resolve) => setTimeout(resolve, IDLE_PAUSE_MS));
  }
}
await pool.end();
