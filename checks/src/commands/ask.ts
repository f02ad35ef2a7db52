import { createInterface } from 'node:readline/promises';
import { UsageError } from '../errors.ts';
import type { Streams } from './terminal.ts';

/** A flag that has to be known, and the question that asks for it. */
export interface Question {
  flag: string;
  question: string;
  /** What the command line gave. */
  given?: string;
}

/**
 * The answers by their flags: what was given, and on a terminal what is typed.
 * @throws UsageError with every flag that is missing, where nobody can be asked.
 */
export async function ask<Names extends string>(
  questions: Readonly<Record<Names, Question>>,
  { stderr }: Streams,
  input: NodeJS.ReadStream = process.stdin,
): Promise<Record<Names, string>> {
  const entries = Object.entries<Question>(questions);
  const missing = entries.filter(([, { given }]) => given === undefined);
  if (missing.length > 0 && !input.isTTY) {
    const flags = missing.map(([, { flag, question }]) => `${flag} (${question})`).join(', ');
    throw new UsageError(`these are missing: ${flags}`, 'Give each as a flag; on a terminal they are asked for.');
  }
  const answers: [string, string][] = [];
  const terminal = missing.length > 0 ? createInterface({ input, output: stderr }) : undefined;
  try {
    for (const [name, { question, given }] of entries)
      answers.push([name, given ?? (await terminal?.question(`${question}: `)) ?? '']);
  } finally {
    terminal?.close();
  }
  return Object.fromEntries(answers) as Record<Names, string>;
}
