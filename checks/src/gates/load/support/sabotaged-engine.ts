import type { Sandbox, Undo } from '../../../sandbox/sandbox.ts';

/** Has every process of the service that starts from now on load a module of ours before its own code. */
export async function preloadModule(sandbox: Sandbox, name: string, text: string): Promise<Undo> {
  await sandbox.scratch.write(name, text);
  const { service } = sandbox.config;
  const preload = `${service.environment.NODE_OPTIONS ?? ''} --import ${sandbox.scratch.root}/${name}`.trim();
  sandbox.config.service = { ...service, environment: { ...service.environment, NODE_OPTIONS: preload } };
  return async () => {
    sandbox.config.service = service;
  };
}
