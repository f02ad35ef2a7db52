import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Proof, proofSchema } from '../engine/prove.ts';
import type { Tree } from './tree.ts';

const journalSchema = z.strictObject({
  /** Of every file of the tree, and of Node: what is proven of one tree says nothing of another. */
  tree: z.string(),
  proofs: z.array(proofSchema),
});

/** What has been proven of the tree as it is now, kept in `.preflight/prove.json` so that a proof that was cut off goes on. */
export interface ProveJournal {
  /** By id, also what earlier calls have proven of the same tree. */
  readonly proofs: ReadonlyMap<string, Proof>;
  record(proof: Proof): Promise<void>;
}

export async function openProveJournal(tree: Tree, clean: (proof: Proof) => Proof): Promise<ProveJournal> {
  const hash = await hashOfTree(tree);
  const earlier = await readJournal(tree.root);
  const proofs = new Map(earlier?.tree === hash ? earlier.proofs.map((proof) => [proof.id, proof]) : []);
  let writing = Promise.resolve();
  return {
    proofs,
    record(proof) {
      proofs.set(proof.id, clean(proof));
      // One after the other, each whole: proofs end side by side, and a reader never finds half a journal.
      writing = writing.then(() => write(tree.root, { tree: hash, proofs: [...proofs.values()] }));
      return writing;
    },
  };
}

/** The journal as text when it is about the tree as it is now: then it belongs to the evidence of a run. */
export async function proofsOfTree(tree: Tree): Promise<string | undefined> {
  const journal = await readJournal(tree.root);
  if (!journal || journal.tree !== (await hashOfTree(tree))) return undefined;
  return `${JSON.stringify(journal, null, 2)}\n`;
}

async function hashOfTree(tree: Tree): Promise<string> {
  const hash = createHash('sha256').update(process.versions.node);
  for (const path of await tree.files()) hash.update(`\0${path}\0`).update(await digestOfFile(join(tree.root, path)));
  return hash.digest('hex');
}

/** A link to a directory has no content of its own; its name is in the hash. */
async function digestOfFile(file: string): Promise<Buffer> {
  const content = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EISDIR') return '';
    throw error;
  });
  return createHash('sha256').update(content).digest();
}

function fileOf(root: string): string {
  return join(root, '.preflight', 'prove.json');
}

/** @returns undefined when there is none, or none of this version. */
async function readJournal(root: string): Promise<z.output<typeof journalSchema> | undefined> {
  try {
    const parsed = journalSchema.safeParse(JSON.parse(await readFile(fileOf(root), 'utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function write(root: string, journal: z.output<typeof journalSchema>): Promise<void> {
  await mkdir(join(root, '.preflight'), { recursive: true });
  await writeFile(join(root, '.preflight', '.gitignore'), '*\n');
  const making = `${fileOf(root)}.making-${process.pid}`;
  await writeFile(making, `${JSON.stringify(journal, null, 2)}\n`);
  await rename(making, fileOf(root));
}
