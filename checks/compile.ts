import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execOrThrow } from './src/io/exec.ts';

const dist = join(import.meta.dirname, 'dist');
/** Documents that the program reads beside its own files. */
const documents = ['checklist/sources'];

/** src → dist, as `npm pack` takes it into the tarball. What an earlier one has left is removed first. */
async function compile(): Promise<void> {
  rmSync(dist, { recursive: true, force: true });
  await execOrThrow('tsc', ['--project', 'tsconfig.pack.json'], { cwd: import.meta.dirname });
  for (const path of documents) cpSync(join(import.meta.dirname, 'src', path), join(dist, path), { recursive: true });
}

await compile();
