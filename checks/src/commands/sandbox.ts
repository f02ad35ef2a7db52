import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { loadConfig } from '../config.ts';
import { exitCodes } from '../engine/verdict.ts';
import { findTools, type Tools } from '../io/tools.ts';
import { openTree } from '../io/tree.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { interruptible, type Streams } from './terminal.ts';

export interface SandboxFlags {
  config: string;
  json?: boolean;
}

/** The throwaway stack: left running until it is interrupted or, with a command, for as long as that runs. */
export async function sandbox(command: string[], flags: SandboxFlags, { stdout, stderr }: Streams): Promise<number> {
  const root = process.cwd();
  const config = await loadConfig(root, flags.config);
  const tools = findTools(root);
  const { signal, release } = interruptible();
  const startedAt = performance.now();
  const progress = (message: string) => stderr.write(`${message}\n`);
  const stack = await startSandbox({ config, tree: openTree(root), tools, progress });
  try {
    progress(`up in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
    const [program, ...args] = command;
    if (program !== undefined) return await runInside(stack, tools, program, args, signal);
    stdout.write(flags.json ? `${JSON.stringify(addresses(stack))}\n` : describe(stack));
    progress('Ctrl-C ends it and removes all of it');
    if (!signal.aborted) await once(signal, 'abort');
    return exitCodes.go;
  } finally {
    await stack.close();
    release();
  }
}

function addresses({ url, databaseUrl, credentials, redis, directory }: Sandbox) {
  const { operator: operatorKey, writers: writerKeys } = credentials;
  return { url, databaseUrl, redisUrl: redis?.url, operatorKey, writerKeys, directory };
}

function describe(stack: Sandbox): string {
  const { writerKeys, ...rest } = addresses(stack);
  const rows = Object.entries({ ...rest, writerKey: writerKeys[0] });
  return `${rows.map(([name, value]) => `${name.padEnd(12)} ${value ?? 'not on this machine'}`).join('\n')}\n`;
}

/** Returns the command's own exit code. It finds the stack through its environment. */
async function runInside(
  stack: Sandbox,
  tools: Tools,
  program: string,
  args: string[],
  signal: AbortSignal,
): Promise<number> {
  const { url, databaseUrl, redisUrl, operatorKey, writerKeys } = addresses(stack);
  const own = {
    BASE_URL: url,
    DATABASE_URL: databaseUrl,
    OPERATOR_API_KEY: operatorKey,
    WRITER_KEYS: writerKeys.join(','),
  };
  const env = { ...tools.environment, ...own, ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }) };
  const child = spawn(program, args, { env, stdio: 'inherit', signal });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) => (signal.aborted ? resolve(null) : reject(error)));
    child.once('exit', resolve);
  });
  return code ?? exitCodes.interrupted;
}
