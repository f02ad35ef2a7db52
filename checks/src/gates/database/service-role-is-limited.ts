import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type Database, withDatabase } from '../../io/database.ts';
import { isOfTheUser } from './support/user-tables.ts';

interface RoleFacts {
  role: string;
  /** Attributes of the role that overrule every grant: SUPERUSER, CREATEROLE… Null: there is no such role. */
  attributes: string[] | null;
  /** Roles that it is a member of, directly or not. */
  memberOf: string[];
  /** Relations, schemas, functions, types and the database itself, as far as the role owns them. */
  owns: string[];
  /** Where it may make things: the database and schemas. */
  createsIn: string[];
  /** Tables whose rows may only be added, each with the rights on it that go further. */
  appendOnly: { table: string; exists: boolean; rights: string[] }[];
  /** Connections to this database by user, without preflight's own. */
  sessions: Record<string, number>;
  relations: number;
}

const attributesSql = `
  SELECT array_to_json(array_remove(ARRAY[
           CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
           CASE WHEN rolcreatedb THEN 'CREATEDB' END, CASE WHEN rolreplication THEN 'REPLICATION' END,
           CASE WHEN rolbypassrls THEN 'BYPASSRLS' END], NULL)) AS attributes
    FROM pg_roles WHERE rolname = $1`;

/** What it is a member of counts as its own: SET ROLE is all that it takes. */
const rolesSql = `
  WITH RECURSIVE held AS (
    SELECT oid FROM pg_roles WHERE rolname = $1
    UNION SELECT m.roleid FROM pg_auth_members AS m JOIN held ON m.member = held.oid)
  SELECT r.oid, r.rolname FROM held JOIN pg_roles AS r ON r.oid = held.oid`;

const ownsSql = `
  SELECT kind || ' ' || name AS what FROM (
    SELECT 'database', datname, datdba FROM pg_database WHERE datname = current_database()
    UNION ALL SELECT 'schema', nspname, nspowner FROM pg_namespace
    UNION ALL SELECT 'relation', oid::regclass::text, relowner FROM pg_class WHERE relkind NOT IN ('i', 'I', 't', 'c')
    UNION ALL SELECT 'function', oid::regprocedure::text, proowner FROM pg_proc
    UNION ALL SELECT 'type', oid::regtype::text, typowner FROM pg_type WHERE typtype IN ('d', 'e', 'r')
  ) AS objects (kind, name, owner) WHERE owner = ANY ($1::oid[]) ORDER BY 1 LIMIT 50`;

const createsInSql = `
  SELECT 'database ' || current_database() AS what WHERE has_database_privilege($1, current_database(), 'CREATE')
  UNION ALL SELECT 'schema ' || nspname FROM pg_namespace
   WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND has_schema_privilege($1, oid, 'CREATE') ORDER BY 1`;

const rightsSql = `
  SELECT array_to_json(ARRAY(SELECT privilege FROM unnest('{UPDATE,DELETE,TRUNCATE,TRIGGER}'::text[]) AS privilege
           WHERE has_table_privilege($1, to_regclass($2)::oid, privilege)
              OR privilege = 'UPDATE' AND has_any_column_privilege($1, to_regclass($2)::oid, 'UPDATE'))) AS rights
   WHERE to_regclass($2) IS NOT NULL`;

const sessionsSql = `
  SELECT usename AS user, count(*) AS sessions FROM pg_stat_activity
   WHERE datname = current_database() AND backend_type = 'client backend' AND application_name <> 'preflight' GROUP BY 1`;

const relationsSql = `
  SELECT count(*) AS relations FROM pg_class AS relation JOIN pg_namespace AS schema ON schema.oid = relation.relnamespace
   WHERE relation.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND ${isOfTheUser}`;

export default defineGate<RoleFacts>({
  id: 'database/service-role-is-limited',
  severity: 'blocker',
  profile: 'commit',
  needs: ['database', 'config:databaseRole'],
  covers: ['db.roles.limited'],
  unit: 'relations',
  why: 'Whoever gets into the service gets the rights of its role. A role that owns the tables can rewrite what happened, and no trigger or audit table stands in its way.',
  fix: 'Give the migrations an owner of their own, and the service a role with the grants that it needs and no more.',
  source: 'https://owasp.org/www-project-application-security-verification-standard/ (13.2.2)',

  async observe({ config, target }) {
    const { name, appendOnly } = partOf(config, 'databaseRole');
    const facts = await withDatabase(target.databaseUrl, (database) => look(database, name, appendOnly));
    return { examined: facts.relations, facts };
  },

  judge: judgeRole,

  samples: {
    good: [sample({})],
    bad: [
      sample({ attributes: null }),
      sample({ attributes: ['SUPERUSER'] }),
      sample({ memberOf: ['shop_owner'] }),
      sample({ owns: ['relation shop.carts'] }),
      sample({ createsIn: ['schema shop'] }),
      sample({ appendOnly: [{ table: 'shop.events', exists: true, rights: ['DELETE'] }] }),
      sample({ appendOnly: [{ table: 'shop.evnts', exists: false, rights: [] }] }),
      sample({ sessions: { postgres: 4 } }),
      sample({ sessions: {} }),
    ],
  },

  /** The service's role comes to own a table, as it does where the service runs its own migrations. */
  async sabotage(sandbox) {
    const { name } = partOf(sandbox.config, 'databaseRole');
    const run = (sql: string) => withDatabase(sandbox.databaseUrl, (database) => database.query(sql));
    await run(
      `CREATE TABLE public.preflight_sabotage (id integer); ALTER TABLE public.preflight_sabotage OWNER TO ${name}`,
    );
    return async () => {
      await run('DROP TABLE public.preflight_sabotage');
    };
  },
});

async function look(database: Database, role: string, appendOnly: readonly string[]): Promise<RoleFacts> {
  const [relations] = await database.query(relationsSql);
  const sessions = await database.query(sessionsSql);
  const common = {
    role,
    sessions: Object.fromEntries(sessions.map((row) => [row.user ?? '', Number(row.sessions)])),
    relations: Number(relations?.relations),
  };
  const [found] = await database.query(attributesSql, [role]);
  if (!found) return { ...common, attributes: null, memberOf: [], owns: [], createsIn: [], appendOnly: [] };
  const held = await database.query(rolesSql, [role]);
  const owns = await database.query(ownsSql, [`{${held.map(({ oid }) => oid).join()}}`]);
  const createsIn = await database.query(createsInSql, [role]);
  const tables: RoleFacts['appendOnly'] = [];
  for (const table of appendOnly) {
    const [row] = await database.query(rightsSql, [role, table]);
    tables.push({ table, exists: row !== undefined, rights: JSON.parse(row?.rights ?? '[]') as string[] });
  }
  return {
    ...common,
    attributes: JSON.parse(found.attributes ?? '[]') as string[],
    memberOf: held.map(({ rolname }) => rolname ?? '').filter((name) => name !== role),
    owns: owns.map(({ what }) => what ?? ''),
    createsIn: createsIn.map(({ what }) => what ?? ''),
    appendOnly: tables,
  };
}

function judgeRole({ role, attributes, memberOf, owns, createsIn, appendOnly, sessions }: RoleFacts): Finding[] {
  if (attributes === null) return [{ message: `there is no role ${role}`, fix: `CREATE ROLE ${role} in a migration.` }];
  const findings: Finding[] = [];
  for (const attribute of attributes) {
    findings.push({ message: `${role} is ${attribute}`, fix: `ALTER ROLE ${role} NO${attribute};` });
  }
  for (const other of memberOf) {
    findings.push({ message: `${role} may act as ${other}`, fix: `REVOKE ${other} FROM ${role};` });
  }
  for (const what of owns) {
    findings.push({
      message: `${role}, or a role that it may act as, owns the ${what}`,
      fix: `Give it to the role that runs the migrations: ALTER … OWNER TO.`,
    });
  }
  for (const where of createsIn) {
    findings.push({
      message: `${role} may make things in the ${where}`,
      fix: `REVOKE CREATE ON ${where} FROM ${role}, PUBLIC;`,
    });
  }
  for (const { table, exists, rights } of appendOnly) findings.push(...judgeAppendOnly(role, table, exists, rights));
  const others = Object.keys(sessions).filter((user) => user !== role);
  if (!sessions[role]) {
    const who = others.length === 0 ? 'and neither is anybody else' : `and these are: ${others.join(', ')}`;
    findings.push({
      message: `nobody is connected as ${role}, ${who}`,
      identity: 'sessions',
      fix: `Start the service with the user ${role} in its database address.`,
    });
  }
  return findings;
}

function judgeAppendOnly(role: string, table: string, exists: boolean, rights: readonly string[]): Finding[] {
  if (!exists) {
    const message = `databaseRole.appendOnly names ${table}, and there is no such table`;
    return [{ message, identity: table, fix: 'Name it as it is called in the database.' }];
  }
  if (rights.length === 0) return [];
  const list = rights.join(', ');
  return [
    {
      message: `${role} has ${list} on ${table}, whose rows may only be added`,
      identity: table,
      fix: `REVOKE ${list} ON ${table} FROM ${role};`,
    },
  ];
}

function sample(change: Partial<RoleFacts>): RoleFacts {
  return {
    role: 'shop_service',
    attributes: [],
    memberOf: [],
    owns: [],
    createsIn: [],
    appendOnly: [{ table: 'shop.events', exists: true, rights: [] }],
    sessions: { shop_service: 4, postgres: 1 },
    relations: 12,
    ...change,
  };
}
