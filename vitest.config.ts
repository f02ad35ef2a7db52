import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** Prepares the PostgreSQL server that the service's flows share; a tree without the service runs without it. */
const serviceGlobalSetup = 'service/test/support/global-setup.ts';

export default defineConfig({
  test: {
    include: ['service', 'checks', 'tools', 'loadtests', 'runbooks', 'deploy', '.github'].map(
      (room) => `${room}/**/*.test.ts`,
    ),
    exclude: ['**/node_modules/**', '**/.tools/**', '**/.preflight/**'],
    globalSetup: existsSync(new URL(serviceGlobalSetup, import.meta.url)) ? [serviceGlobalSetup] : [],
    // Tests start real processes and handle signals, which a worker thread cannot do. A fork runs the Node that started
    // vitest, so it is Node 26 whenever node_modules/.bin comes first on the PATH, as in npm scripts and the Makefile.
    pool: 'forks',
    // Each worker may hold a PostgreSQL server and a service; two keep a machine of two cores responsive.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
