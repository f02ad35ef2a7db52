import type { TargetConfig } from '../../../config.ts';
import type { Sandbox, Undo } from '../../../sandbox/sandbox.ts';

/** The sandbox as the target that a release would ask, so that its gates can be proven. What is intercepted there is intercepted here. */
export function actAsTarget(
  sandbox: Sandbox,
  more: Partial<TargetConfig> = {},
  name: 'target' | 'staging' = 'target',
): Undo {
  const { config } = sandbox;
  const processor = processorKeyOf(sandbox);
  const keys = { operator: sandbox.credentials.operator, ...(processor === undefined ? {} : { processor }) };
  const [writer] = sandbox.credentials.writers;
  config[name] = {
    ...{ names: [], safeToBreak: false, faults: [] },
    keys: { ...keys, ...(writer === undefined ? {} : { writer }) },
    ...more,
    get url() {
      return more.url ?? sandbox.url;
    },
  };
  return async () => {
    delete config[name];
  };
}

/** What the sandbox's service accepts from its scheduler. */
export function processorKeyOf({ config, service }: Sandbox): string | undefined {
  const [variable] = config.processing?.keyVariables ?? [];
  return variable === undefined ? undefined : service.environment[variable];
}
