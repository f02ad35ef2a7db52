import { partOf } from '../../../config.ts';
import { headOf } from '../../../io/tree.ts';
import type { Sandbox, Undo } from '../../../sandbox/sandbox.ts';
import { actAsTarget } from './as-target.ts';

/** A replica that was told the commit of the sandbox's tree, as a built image would be, acts as the target. */
export async function actAsBuild(sandbox: Sandbox, name: 'target' | 'staging' = 'target'): Promise<Undo> {
  const { variable } = partOf(sandbox.config, 'build');
  const { commit } = await headOf(sandbox.scratch.root);
  const replica = await sandbox.startReplica({ [variable]: commit });
  const checkConfig = [...asCommand(replica.environment), ...sandbox.config.service.checkConfig];
  const undo = actAsTarget(sandbox, { url: replica.url, checkConfig }, name);
  return async () => {
    await undo();
    await replica.close();
  };
}

/** As `kubectl exec` would: in the environment of the running process, which is nobody's here but the sandbox's. */
function asCommand(environment: Readonly<Record<string, string>>): string[] {
  return ['env', ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)];
}
