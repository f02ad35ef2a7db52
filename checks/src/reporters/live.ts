import pc from 'picocolors';
import type { Check } from '../engine/gate.ts';
import type { CheckResult } from '../engine/report.ts';
import type { Watcher } from '../engine/run.ts';

/** What goes on while a run goes on, on stderr: on a terminal one line that is rewritten, elsewhere a line per finished check. */
export interface Live extends Watcher {
  note(message: string): void;
  /** Leaves the terminal's line clean. */
  stop(): void;
}

const redrawMs = 200;

export function watchLive(total: number, stream: NodeJS.WriteStream, colour: boolean): Live {
  return stream.isTTY ? onTerminal(total, stream, colour) : asLog(total, stream, colour);
}

function line(result: CheckResult, done: number, total: number, colour: boolean): string {
  const colours = pc.createColors(colour);
  const paint =
    result.outcome === 'pass'
      ? colours.green
      : result.outcome === 'waived' || result.outcome === 'not-run'
        ? colours.yellow
        : colours.red;
  const count = `${String(done).padStart(String(total).length)}/${total}`;
  return `${count} ${paint(result.outcome.padEnd(7))} ${result.id} ${colours.dim(`${(result.durationMs / 1000).toFixed(1)} s, ${result.examined} ${result.unit}`)}\n`;
}

function asLog(total: number, stream: NodeJS.WriteStream, colour: boolean): Live {
  let done = 0;
  return {
    started: () => undefined,
    progress: () => undefined,
    finished: (_, result) => {
      done += 1;
      stream.write(line(result, done, total, colour));
    },
    note: (message) => stream.write(`${message}\n`),
    stop: () => undefined,
  };
}

function onTerminal(total: number, stream: NodeJS.WriteStream, colour: boolean): Live {
  const running = new Map<string, { since: number; message: string }>();
  let done = 0;
  const clear = () => stream.write('\r\x1b[K');
  const draw = () => {
    const now = performance.now();
    const parts = [...running].map(
      ([id, { since, message }]) => `${id} ${Math.round((now - since) / 1000)} s${message ? ` (${message})` : ''}`,
    );
    clear();
    stream.write(`${done}/${total} ${parts.join(' · ')}`.slice(0, Math.max(20, stream.columns - 1)));
  };
  const timer = setInterval(draw, redrawMs);
  timer.unref();
  const print = (text: string) => {
    clear();
    stream.write(text);
  };
  return {
    started: ({ id }: Check) => running.set(id, { since: performance.now(), message: '' }),
    progress: ({ id }, message) => {
      const entry = running.get(id);
      if (entry) entry.message = message;
    },
    finished: ({ id }, result) => {
      running.delete(id);
      done += 1;
      print(line(result, done, total, colour));
    },
    note: (message) => print(`${message}\n`),
    stop: () => {
      clearInterval(timer);
      clear();
    },
  };
}
