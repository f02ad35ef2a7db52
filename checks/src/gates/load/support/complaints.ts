import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Context } from '../../../engine/context.ts';
import type { Finding } from '../../../engine/gate.ts';

/** A message that the service logged because something went wrong, and how often. */
export interface Complaint {
  level: string;
  message: string;
  times: number;
}

/**
 * Listens to the log of the sandbox's service from now on. What is returned tells what was logged until then at a level that
 * `logs.complaints` takes for a complaint; null where the configuration does not say what a line is made of.
 */
export async function listenForComplaints({
  config: { logs },
  sandbox,
}: Pick<Context, 'config' | 'sandbox'>): Promise<() => Promise<Complaint[] | null>> {
  const { logFile } = sandbox.service;
  const { size: start } = await stat(logFile);
  return async () => {
    if (logs === undefined) return null;
    const levels = new Set(logs.levels.slice(logs.levels.indexOf(logs.complaints.from)));
    const expected = new Set(logs.complaints.expected.map(({ message }) => message));
    const heard = new Map<string, Complaint>();
    for await (const line of createInterface({ input: createReadStream(logFile, { start }) })) {
      const { [logs.level]: level, [logs.message]: message } = parsed(line);
      if (!levels.has(String(level)) || expected.has(String(message))) continue;
      const complaint = heard.get(`${level} ${message}`) ?? {
        level: String(level),
        message: String(message),
        times: 0,
      };
      heard.set(`${level} ${message}`, { ...complaint, times: complaint.times + 1 });
    }
    return [...heard.values()];
  };
}

/** A sample for gates that judge a load. */
export const complaint: Complaint = { level: 'error', message: 'Reconciliation failed', times: 17 };

/** A line that is none of the logger's is another gate's to judge. */
function parsed(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

export function judgeComplaints(complaints: readonly Complaint[] | null): Finding[] {
  return (complaints ?? []).map(({ level, message, times }) => ({
    message: `under this load the service logged "${message}" ${times} times, as ${level}`,
    identity: message,
    fix: 'Find what it complains of, in the log of the run. What other processes’ ends alone bring about: logs.complaints.expected.',
  }));
}
