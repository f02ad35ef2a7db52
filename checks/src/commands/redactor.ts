import { redact } from '../engine/redact.ts';
import { isSecretName } from '../gates/config/secret-names.ts';
import type { Streams } from './terminal.ts';

/** What keeps secrets out of all that a run says and writes: one place knows them, and every way out leads through it. */
export interface Redactor {
  /** From now on these are taken out too. */
  add(secrets: readonly string[]): void;
  clean<T>(value: T): T;
  /** The same streams, without any secret in what is written to them. */
  guard(streams: Streams): Streams;
}

export function createRedactor(environment: NodeJS.ProcessEnv = process.env): Redactor {
  const secrets = new Set<string>();
  const add = (more: readonly string[]) => {
    for (const secret of more) for (const form of formsOf(secret)) secrets.add(form);
  };
  add(secretValues(environment));
  const clean = <T>(value: T) => redact(value, [...secrets]);
  return {
    add,
    clean,
    guard: ({ stdout, stderr }) => ({ stdout: guarded(stdout, clean), stderr: guarded(stderr, clean) }),
  };
}

/** Preflight's own variables name files and globs. */
const ownVariable = /^PREFLIGHT_/;
/** `SORT_KEY=created-at`: such a value is a word of the language, and would be taken out of sentences. */
const plainWord = /^[a-z-]{0,15}$/;

/** The values of an environment that open something, by the names of their variables. */
export function secretValues(environment: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(environment).flatMap(([name, value = '']) =>
    isSecretName(name) && !ownVariable.test(name) && !plainWord.test(value) ? [value] : [],
  );
}

/** As it is, as it stands in a URL, and as it stands in JSON. */
function formsOf(secret: string): string[] {
  return [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)];
}

/** Everything else of the stream (whether it is a terminal, how wide) is its own. */
function guarded(stream: NodeJS.WriteStream, clean: (text: string) => string): NodeJS.WriteStream {
  const write = (chunk: string | Uint8Array) => stream.write(typeof chunk === 'string' ? clean(chunk) : chunk);
  return Object.create(stream, { write: { value: write } }) as NodeJS.WriteStream;
}
