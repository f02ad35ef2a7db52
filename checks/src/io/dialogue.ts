import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A program that answers each line of its input with one line of its output. */
export interface Dialogue {
  /**
   * @param timeoutMs after which the program is ended: an answer that comes later would be taken for the next one's.
   * @throws when it does not answer in time, or has ended, with what it said last.
   */
  ask(line: string, timeoutMs: number): Promise<string>;
  /** Closes its input and ends it. Harmless when it has ended. */
  close(): Promise<void>;
}

export interface DialogueOptions {
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Ends it. */
  signal: AbortSignal;
}

/** As much of what it complains about as is told when it ends. */
const complaintBytes = 4_096;

/** Starts it. One question at a time: the next one is asked when the last one is answered. */
export function startDialogue(command: readonly string[], { cwd, env, signal }: DialogueOptions): Dialogue {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { cwd, env, signal, stdio: ['pipe', 'pipe', 'pipe'], killSignal: 'SIGKILL' });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('utf8')).slice(-complaintBytes);
  });
  // A program that has ended closes the pipe; that it gives no answer tells more.
  child.stdin.on('error', () => undefined);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('close', (code, by) => resolve(`ended (${by ?? `exit code ${code}`}): ${complaint.trim()}`));
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(line, timeoutMs) {
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        late.reject(new Error(`${command.join(' ')} did not answer ${line} within ${timeoutMs / 1000} s`));
      }, timeoutMs);
      try {
        child.stdin.write(`${line}\n`);
        const answer = await Promise.race([lines.next(), late.promise]);
        if (answer.done) throw new Error(`${command.join(' ')} ${await ended}`);
        return answer.value;
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      child.stdin.end();
      child.kill('SIGKILL');
      await ended;
    },
  };
}
