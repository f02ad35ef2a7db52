import { once } from 'node:events';
import { loadConfig } from '../config.ts';
import { findTools } from '../io/tools.ts';
import { openTree } from '../io/tree.ts';
import { startSandbox } from '../sandbox/sandbox.ts';
import { interruptible, type Streams } from './terminal.ts';

/** Leaves the throwaway stack running, with its addresses and keys, until it is interrupted. */
export async function sandbox(flags: { config: string; json?: boolean }, { stdout, stderr }: Streams): Promise<number> {
  const root = process.cwd();
  const config = await loadConfig(root, flags.config);
  const { signal, release } = interruptible();
  const startedAt = performance.now();
  const stack = await startSandbox({
    config,
    tree: openTree(root),
    tools: findTools(root),
    progress: (message) => stderr.write(`${message}\n`),
  });
  try {
    const { url, databaseUrl, credentials, redis, directory } = stack;
    const addresses = {
      url,
      databaseUrl,
      redisUrl: redis?.url,
      operatorKey: credentials.operator,
      writerKeys: credentials.writers,
      directory,
    };
    stdout.write(flags.json ? `${JSON.stringify(addresses)}\n` : describe(addresses));
    stderr.write(
      `up in ${((performance.now() - startedAt) / 1000).toFixed(1)} s; Ctrl-C ends it and removes all of it\n`,
    );
    if (!signal.aborted) await once(signal, 'abort');
    return 0;
  } finally {
    await stack.close();
    release();
  }
}

function describe({ writerKeys, ...addresses }: Record<string, unknown> & { writerKeys: string[] }): string {
  const rows = Object.entries({ ...addresses, writerKey: writerKeys[0] });
  return `${rows.map(([name, value]) => `${name.padEnd(12)} ${value ?? 'not on this machine'}`).join('\n')}\n`;
}
