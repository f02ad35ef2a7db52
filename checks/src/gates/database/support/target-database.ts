import type { Config } from '../../../config.ts';
import type { Sandbox, Undo } from '../../../sandbox/sandbox.ts';

type TargetDatabase = NonNullable<Config['targetDatabase']>;

/** The sandbox's database as the one that a release would ask, so that its gates can be proven. */
export function actAsTargetDatabase(sandbox: Sandbox, more: Partial<TargetDatabase> = {}): Undo {
  const { config } = sandbox;
  const host = { memoryMb: 1_024, storage: 'ssd', standbys: 1, mostLagSeconds: 10 } as const;
  config.targetDatabase = { ...host, url: sandbox.databaseUrl, ...more };
  return async () => {
    delete config.targetDatabase;
  };
}
