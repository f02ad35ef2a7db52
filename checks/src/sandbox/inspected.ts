import { setTimeout as delay } from 'node:timers/promises';
import type { Replica, Sandbox } from './sandbox.ts';
import { freePorts } from './server.ts';

/** A replica whose engine can be asked, from outside: any service on Node answers, without a line of its own for it. */
export interface Inspected {
  readonly replica: Replica;
  /** Bytes in use on the heap, after a whole garbage collection. */
  heapAfterCollection(): Promise<number>;
  /** Evaluates an expression in the process; its value has to be JSON. @throws what the expression throws. */
  evaluate<T>(expression: string): Promise<T>;
  close(): Promise<void>;
}

const connectWithinMs = 5_000;
const answerWithinMs = 10_000;
const lookEveryMs = 50;

/** Starts another process of the service with its inspector on the loopback. https://nodejs.org/api/debugger.html#v8-inspector-integration-for-nodejs */
export async function startInspected(sandbox: Sandbox): Promise<Inspected> {
  const [port = 0] = await freePorts(1);
  const given = sandbox.config.service.environment.NODE_OPTIONS ?? '';
  const replica = await sandbox.startReplica({ NODE_OPTIONS: `${given} --inspect=127.0.0.1:${port}`.trim() });
  try {
    const channel = await openChannel(await debuggerUrl(port));
    const heap = async () => {
      await channel.call('HeapProfiler.collectGarbage');
      const { usedSize } = await channel.call<{ usedSize: number }>('Runtime.getHeapUsage');
      return usedSize;
    };
    return {
      replica,
      heapAfterCollection: heap,
      async evaluate<T>(expression: string) {
        const asked = { expression, returnByValue: true, awaitPromise: true };
        const answer = await channel.call<Evaluated>('Runtime.evaluate', asked);
        if (answer.exceptionDetails) throw new Error(answer.exceptionDetails.exception?.description ?? 'it threw');
        return answer.result.value as T;
      },
      async close() {
        channel.close();
        await replica.close();
      },
    };
  } catch (error) {
    await replica.close();
    throw error;
  }
}

interface Evaluated {
  result: { value?: unknown };
  exceptionDetails?: { exception?: { description?: string } };
}

async function debuggerUrl(port: number): Promise<string> {
  const deadline = performance.now() + connectWithinMs;
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/json/list`);
      const [first] = (await response.json()) as { webSocketDebuggerUrl?: string }[];
      if (first?.webSocketDebuggerUrl !== undefined) return first.webSocketDebuggerUrl;
    } catch (error) {
      if (performance.now() > deadline)
        throw new Error('the inspector of the replica does not answer', { cause: error });
    }
    await delay(lookEveryMs);
  }
}

interface Channel {
  call<T = unknown>(method: string, params?: object): Promise<T>;
  close(): void;
}

interface Message {
  id?: number;
  result?: unknown;
  error?: { message: string };
}

/** One conversation: each call waits for the answer with its number. */
async function openChannel(url: string): Promise<Channel> {
  const socket = new WebSocket(url);
  const waiting = new Map<number, (message: Message) => void>();
  let calls = 0;
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as Message;
    waiting.get(message.id ?? 0)?.(message);
    waiting.delete(message.id ?? 0);
  });
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(), { once: true });
    socket.addEventListener('error', () => reject(new Error('the inspector refuses the connection')), { once: true });
  });
  return {
    call<T>(method: string, params: object = {}) {
      calls += 1;
      const id = calls;
      return new Promise<T>((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(id);
          reject(new Error(`the inspector did not answer ${method} within ${answerWithinMs} ms`));
        }, answerWithinMs);
        waiting.set(id, ({ result, error }) => {
          clearTimeout(timer);
          if (error) reject(new Error(`${method}: ${error.message}`));
          else resolve(result as T);
        });
        socket.send(JSON.stringify({ id, method, params }));
      });
    },
    close: () => socket.close(),
  };
}
