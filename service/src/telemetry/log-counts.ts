/** What the process has logged since its start. Every level and message that is counted is there from the beginning, at 0. */
export interface LogCounts {
  readonly levels: ReadonlyMap<string, number>;
  readonly alarms: ReadonlyMap<string, number>;
}

export interface LogCounter extends LogCounts {
  readonly count: (level: string, message: unknown) => void;
}

/** Below these nothing is counted: nobody is woken for them. */
const COUNTED_LEVELS = ['warn', 'error', 'fatal'] as const;

/** Counts lines by level, and those whose constant message is one of `alarms` by their message. */
export function createLogCounter(alarms: readonly string[]): LogCounter {
  const levels = new Map<string, number>(COUNTED_LEVELS.map((level) => [level, 0]));
  const messages = new Map<string, number>(alarms.map((message) => [message, 0]));
  const add = (counts: Map<string, number>, key: string): void => {
    const before = counts.get(key);
    if (before !== undefined) counts.set(key, before + 1);
  };
  return {
    levels,
    alarms: messages,
    count: (level, message) => {
      add(levels, level);
      if (typeof message === 'string') add(messages, message);
    },
  };
}
