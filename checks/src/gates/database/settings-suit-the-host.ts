import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { actAsTargetDatabase } from './support/target-database.ts';

interface Facts {
  memoryMb: number;
  storage: 'ssd' | 'disk';
  /** As pg_settings has them; sizes in bytes. */
  settings: Record<string, string>;
}

const settingNames = [
  ...['shared_buffers', 'effective_cache_size', 'work_mem', 'max_connections', 'maintenance_work_mem', 'max_wal_size'],
  ...['random_page_cost', 'effective_io_concurrency', 'checkpoint_completion_target', 'autovacuum', 'fsync'],
  ...['full_page_writes', 'synchronous_commit', 'data_checksums', 'wal_level', 'track_io_timing'],
];

const settingsSql = `
  SELECT name, CASE WHEN unit IN ('8kB', 'kB', 'MB', 'B') THEN pg_size_bytes(setting || ' ' || CASE unit WHEN '8kB' THEN 'kB' ELSE unit END)
           * CASE unit WHEN '8kB' THEN 8 ELSE 1 END ELSE NULL END AS bytes, setting
    FROM pg_settings WHERE name = ANY ($1::text[])`;

const megabyte = 1_048_576;

export default defineGate<Facts>({
  id: 'database/settings-suit-the-host',
  severity: 'warning',
  profile: 'release',
  needs: ['config:targetDatabase'],
  covers: ['db.settings.storage'],
  unit: 'settings',
  why: 'What PostgreSQL is delivered with suits a small machine with a spinning disk. On another one it reads from disk what memory could hold, and plans as if every random page cost a seek.',
  fix: 'Set it in postgresql.conf or with ALTER SYSTEM, and measure before and after.',
  source: 'https://wiki.postgresql.org/wiki/Tuning_Your_PostgreSQL_Server',

  async observe({ config }) {
    const { url, memoryMb, storage } = partOf(config, 'targetDatabase');
    const rows = await withDatabase(url, (database) => database.query(settingsSql, [`{${settingNames.join()}}`]));
    const settings = Object.fromEntries(rows.map(({ name, bytes, setting }) => [name ?? '', bytes ?? setting ?? '']));
    return { examined: rows.length, facts: { memoryMb, storage, settings } };
  },

  judge: (facts) => rules.flatMap((rule) => judgeRule(rule, facts)),

  samples: {
    good: [sample({}), { ...sample({ random_page_cost: '4', effective_io_concurrency: '1' }), storage: 'disk' }],
    bad: [
      sample({ shared_buffers: String(128 * megabyte) }),
      sample({ shared_buffers: String(9_000 * megabyte) }),
      sample({ effective_cache_size: String(1_000 * megabyte) }),
      sample({ work_mem: String(128 * megabyte) }),
      sample({ random_page_cost: '4' }),
      sample({ effective_io_concurrency: '1' }),
      sample({ max_wal_size: String(64 * megabyte) }),
      sample({ checkpoint_completion_target: '0.5' }),
      sample({ autovacuum: 'off' }),
      sample({ fsync: 'off' }),
      sample({ full_page_writes: 'off' }),
      sample({ synchronous_commit: 'off' }),
      sample({ data_checksums: 'off' }),
      sample({ wal_level: 'minimal' }),
    ],
  },

  /** A sandbox is small on purpose: it is described as a host that its settings suit, and given those that were left to be set. */
  async prepare(sandbox) {
    const undo = actAsTargetDatabase(sandbox, { memoryMb: 512 });
    const run = (sql: string) => withDatabase(sandbox.databaseUrl, (database) => database.query(sql));
    const name = new URL(sandbox.databaseUrl).pathname.slice(1);
    const set = {
      effective_cache_size: "'384MB'",
      work_mem: "'1MB'",
      random_page_cost: '1.1',
      effective_io_concurrency: '200',
    };
    for (const [setting, value] of Object.entries(set)) await run(`ALTER DATABASE ${name} SET ${setting} = ${value}`);
    return async () => {
      await undo();
      for (const setting of Object.keys(set)) await run(`ALTER DATABASE ${name} RESET ${setting}`);
    };
  },

  async sabotage(sandbox) {
    const run = (sql: string) => withDatabase(sandbox.databaseUrl, (database) => database.query(sql));
    const name = new URL(sandbox.databaseUrl).pathname.slice(1);
    await run(`ALTER DATABASE ${name} SET synchronous_commit = off`);
    return async () => {
      await run(`ALTER DATABASE ${name} RESET synchronous_commit`);
    };
  },
});

interface Rule {
  setting: string;
  /** Absent: on either. */
  storage?: 'ssd' | 'disk';
  holds(value: string, memoryBytes: number, settings: Record<string, string>): boolean;
  wanted: string;
}

const oneOf =
  (...values: string[]) =>
  (value: string) =>
    values.includes(value);
const atLeast = (least: number) => (value: string) => Number(value) >= least;

/** All connections at once may take half of the memory to sort in. */
const workShare = 0.5;

const rules: readonly Rule[] = [
  {
    setting: 'shared_buffers',
    holds: (value, memory) => Number(value) >= memory * 0.15 && Number(value) <= memory * 0.45,
    wanted: 'from 15 to 45 % of the memory',
  },
  {
    setting: 'effective_cache_size',
    holds: (value, memory) => Number(value) >= memory * 0.5 && Number(value) <= memory,
    wanted: 'from 50 to 100 % of the memory',
  },
  {
    setting: 'work_mem',
    holds: (value, memory, { max_connections }) => Number(value) * Number(max_connections) <= memory * workShare,
    wanted: 'so small that all connections together take at most half of the memory',
  },
  {
    setting: 'random_page_cost',
    storage: 'ssd',
    holds: (value) => Number(value) <= 2,
    wanted: 'at most 2 on solid state',
  },
  { setting: 'effective_io_concurrency', storage: 'ssd', holds: atLeast(16), wanted: '16 or more on solid state' },
  { setting: 'max_wal_size', holds: atLeast(1_024 * megabyte), wanted: '1 GB or more' },
  { setting: 'checkpoint_completion_target', holds: atLeast(0.7), wanted: '0.7 or more' },
  { setting: 'autovacuum', holds: oneOf('on'), wanted: 'on' },
  { setting: 'fsync', holds: oneOf('on'), wanted: 'on' },
  { setting: 'full_page_writes', holds: oneOf('on'), wanted: 'on' },
  {
    setting: 'synchronous_commit',
    holds: oneOf('on', 'remote_write', 'remote_apply', 'local'),
    wanted: 'on: what is acknowledged has to survive a crash',
  },
  { setting: 'data_checksums', holds: oneOf('on'), wanted: 'on (initdb --data-checksums, or pg_checksums)' },
  {
    setting: 'wal_level',
    holds: oneOf('replica', 'logical'),
    wanted: 'replica: without it there is no archive and no standby',
  },
];

function judgeRule({ setting, storage, holds, wanted }: Rule, facts: Facts): Finding[] {
  if (storage !== undefined && storage !== facts.storage) return [];
  const value = facts.settings[setting];
  if (value !== undefined && holds(value, facts.memoryMb * megabyte, facts.settings)) return [];
  const size =
    Number(value) >= megabyte ? `${Math.round(Number(value) / megabyte)} MB` : (value ?? 'not known to the server');
  const message = `${setting} is ${size}, and ${wanted} is wanted with ${facts.memoryMb} MB of memory`;
  return [{ message, identity: setting }];
}

function sample(change: Record<string, string>): Facts {
  const settings = {
    shared_buffers: String(4_096 * megabyte),
    effective_cache_size: String(12_288 * megabyte),
    work_mem: String(16 * megabyte),
    max_connections: '100',
    max_wal_size: String(4_096 * megabyte),
    random_page_cost: '1.1',
    effective_io_concurrency: '200',
    checkpoint_completion_target: '0.9',
    autovacuum: 'on',
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    data_checksums: 'on',
    wal_level: 'replica',
    ...change,
  };
  return { memoryMb: 16_384, storage: 'ssd', settings };
}
