import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { MIGRATIONS_DIR, migrate } from '../../src/migrate.ts';
import { type Cluster, startCluster } from './postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser's URL of the run's PostgreSQL server. */
    databaseAdminUrl: string;
    /** A migrated, empty database to clone; nobody connects to it. */
    databaseTemplate: string;
  }
}

const TEMPLATE = 'service_template';

let cluster: Cluster | undefined;

/** Starts one server for the whole run, with a migrated template. */
export async function setup(project: TestProject): Promise<void> {
  cluster = await startCluster();
  try {
    await createTemplate(cluster.url);
  } catch (error) {
    // Nobody calls teardown after a setup that failed.
    await cluster.stop();
    throw error;
  }
  project.provide('databaseAdminUrl', cluster.url);
  project.provide('databaseTemplate', TEMPLATE);
}

async function createTemplate(adminUrl: string): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${TEMPLATE}`);
  await admin.end();
  const template = new URL(adminUrl);
  template.pathname = `/${TEMPLATE}`;
  await migrate({
    databaseUrl: template.href,
    migrationsDir: MIGRATIONS_DIR,
    direction: 'up',
    warn: (message) => process.stderr.write(`${message}\n`),
  });
}

export async function teardown(): Promise<void> {
  await cluster?.stop();
}
