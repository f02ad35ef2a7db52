import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** How Node says on stderr where its inspector listens. https://nodejs.org/en/learn/getting-started/debugging */
const listening = /Debugger listening on (ws:\/\/127\.0\.0\.1:\d+\/[\w-]+)/g;
const appearsWithinMs = 5_000;
const pollMs = 20;

/**
 * Runs a line inside a Node process that was started with `--inspect`: the latest one that wrote to this log.
 * @throws when it does not say where its inspector listens, or the line cannot be given to it.
 */
export async function evaluateIn(logFile: string, expression: string): Promise<void> {
  const socket = new WebSocket(await inspectorOf(logFile));
  try {
    await once(socket, 'open');
    const answered = once(socket, 'message');
    socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } }));
    // A process that dies of the line may be gone before it answers; that it was given is what counts.
    await Promise.race([answered, once(socket, 'close')]);
  } finally {
    socket.close();
  }
}

async function inspectorOf(logFile: string): Promise<string> {
  const deadline = performance.now() + appearsWithinMs;
  for (;;) {
    const [, url] = [...(await readFile(logFile, 'utf8')).matchAll(listening)].at(-1) ?? [];
    if (url !== undefined) return url;
    if (performance.now() > deadline) throw new Error('the process does not say where its inspector listens');
    await delay(pollMs);
  }
}
