import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';

/** A document that is made from the sources, and is stale when they have gone on without it. */
export interface GeneratedDocument {
  file: URL;
  text(): string;
  /** What it is about, for whoever reads the line on the terminal. */
  about: string;
}

/**
 * `--write` writes the document; `--check` says when it is not what the sources say.
 * @returns the exit code: 0, 1 for a stale document, 2 for another flag.
 */
export function writeOrCheck(
  { file, text, about }: GeneratedDocument,
  program: string,
  flag: string | undefined,
): number {
  const name = basename(file.pathname);
  if (flag === '--write') {
    writeFileSync(file, text());
    console.log(`${name}: ${about}`);
    return 0;
  }
  if (flag !== '--check') {
    console.error(`usage: node tools/${program} --write | --check`);
    return 2;
  }
  if (currentText(file) === text()) return 0;
  console.error(`${name} does not say what its sources say: run \`make docs\` and commit the result`);
  return 1;
}

/** A file that is not there yet is as stale as an old one. */
function currentText(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
