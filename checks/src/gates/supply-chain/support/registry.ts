import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { Config } from '../../../config.ts';
import type { Context } from '../../../engine/context.ts';
import { type ExecResult, lastLines } from '../../../io/exec.ts';
import type { Sandbox, Undo } from '../../../sandbox/sandbox.ts';

/** npm asks a registry: it may be far away, and say nothing for a while. */
const timeoutMs = 60_000;

/** Runs npm in the tree, by the registry of the configuration. npm's own settings say nothing about what is asked here. */
export function npm({ config, exec }: Context, ...args: string[]): Promise<ExecResult> {
  const { registry } = config.dependencies;
  return exec('npm', [...args, ...(registry === undefined ? [] : [`--registry=${registry}`])], { timeoutMs });
}

/** @throws with what npm said: a registry that does not answer has not said that all is well. */
export function answerOf(result: ExecResult): unknown {
  try {
    return JSON.parse(result.stdout || '{}');
  } catch (cause) {
    throw new Error(`npm ended with exit code ${result.code} and no JSON: ${lastLines(result, 3)}`, { cause });
  }
}

/** A registry of our own on the loopback: until the undo, it is the one that is asked. */
export async function withRegistry(sandbox: Sandbox, answer: RequestListener): Promise<Undo> {
  const before: Config['dependencies'] = sandbox.config.dependencies;
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the loopback gave no port');
  sandbox.config.dependencies = { registry: `http://127.0.0.1:${address.port}/` };
  return async () => {
    sandbox.config.dependencies = before;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
}
