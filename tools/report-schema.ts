import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { reportSchema } from '../checks/src/engine/report.ts';

const schemaFile = new URL('../checks/report.schema.json', import.meta.url);

/** The JSON Schema (draft 2020-12) of what `--reporter json` writes, as text. */
export function reportSchemaText(): string {
  const { $schema, ...schema } = z.toJSONSchema(reportSchema);
  const title = 'The report of a preflight run';
  const description = 'What `preflight run --reporter json` writes. `make docs` writes this file from the code.';
  return `${JSON.stringify({ $schema, title, description, ...schema }, null, 2)}\n`;
}

/** `--write` writes the file; `--check` exits 1 when it is not what the code says. */
function main(flag: string | undefined): number {
  const wanted = reportSchemaText();
  if (flag === '--write') {
    writeFileSync(schemaFile, wanted);
    console.log('checks/report.schema.json: written');
    return 0;
  }
  if (flag !== '--check') {
    console.error('usage: node tools/report-schema.ts --write | --check');
    return 2;
  }
  if (currentText() === wanted) return 0;
  console.error('checks/report.schema.json is not what the code says: run `make docs` and commit the result');
  return 1;
}

/** A file that is not there yet is as stale as an old one. */
function currentText(): string | undefined {
  try {
    return readFileSync(schemaFile, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

if (import.meta.main) process.exitCode = main(process.argv[2]);
