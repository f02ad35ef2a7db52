import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { actAsTargetDatabase } from './support/target-database.ts';

interface Facts {
  version: string;
  major: number;
  /** UTC, `YYYY-MM-DD`. */
  today: string;
  /** It answers a query on JSONB. */
  jsonb: boolean;
  /** It is a standby, or refuses writes. */
  readOnly: boolean;
}

/** The last day of fixes of each major version. https://www.postgresql.org/support/versioning/ */
const supportedUntil: Readonly<Record<number, string>> = {
  14: '2026-11-12',
  15: '2027-11-11',
  16: '2028-11-09',
  17: '2029-11-08',
  18: '2030-11-14',
};

const factsSql = `
  SELECT current_setting('server_version') AS version, current_setting('server_version_num')::integer / 10000 AS major,
         (now() AT TIME ZONE 'UTC')::date AS today, '{"a": [1, 2]}'::jsonb @> '{"a": [2]}' AS jsonb,
         pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS read_only`;

export default defineGate<Facts>({
  id: 'database/version-is-supported',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:targetDatabase'],
  covers: ['db.provisioned', 'db.version'],
  unit: 'servers',
  why: 'A version that gets no fixes any more keeps its known holes for ever, and the way out of it is a migration that nobody wants to begin on the day when one is used.',
  fix: 'Upgrade to a supported major version with pg_upgrade, on a copy first.',
  source: 'https://www.postgresql.org/support/versioning/',

  async observe({ config }) {
    const { url } = partOf(config, 'targetDatabase');
    const [row] = await withDatabase(url, (database) => database.query(factsSql));
    if (!row) throw new Error('the database of the target answered nothing');
    const { version, today } = row;
    const [jsonb, readOnly] = [row.jsonb === 't', row.read_only === 't'];
    return {
      examined: 1,
      facts: { version: version ?? '', major: Number(row.major), today: today ?? '', jsonb, readOnly },
    };
  },

  judge: judgeVersion,

  samples: {
    good: [sample({}), sample({ major: 14, today: '2026-11-12' })],
    bad: [
      sample({ major: 14 }),
      sample({ major: 13 }),
      sample({ major: 99 }),
      sample({ jsonb: false }),
      sample({ readOnly: true }),
    ],
  },

  prepare: async (sandbox) => actAsTargetDatabase(sandbox),

  /** The address leads to what takes no writes. */
  async sabotage(sandbox) {
    const run = (sql: string) => withDatabase(sandbox.databaseUrl, (database) => database.query(sql));
    const name = new URL(sandbox.databaseUrl).pathname.slice(1);
    await run(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    return async () => {
      await withDatabase(sandbox.databaseUrl, async (database) => {
        await database.query('SET default_transaction_read_only = off');
        await database.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
      });
    };
  },
});

function judgeVersion({ version, major, today, jsonb, readOnly }: Facts): Finding[] {
  const findings: Finding[] = [];
  const until = supportedUntil[major];
  if (until === undefined) {
    const message = `PostgreSQL ${version} is none of ${Object.keys(supportedUntil).join(', ')}: older, or newer than this gate knows`;
    findings.push({ message, identity: 'unknown' });
  } else if (today > until) {
    findings.push({ message: `PostgreSQL ${version} gets no fixes since ${until}`, identity: 'ended' });
  }
  if (!jsonb) findings.push({ message: `PostgreSQL ${version} cannot search in JSONB`, identity: 'jsonb' });
  if (readOnly) {
    const message = 'the database of the target takes no writes: it is a standby, or set to be read only';
    findings.push({ message, identity: 'read-only', fix: 'Let the address lead to the primary.' });
  }
  return findings;
}

function sample(change: Partial<Facts>): Facts {
  return { version: '17.2', major: 17, today: '2026-11-20', jsonb: true, readOnly: false, ...change };
}
