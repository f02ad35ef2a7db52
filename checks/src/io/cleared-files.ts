import { z } from 'zod';
import type { ClearedFiles } from '../engine/cleared-files.ts';

export interface Shelf {
  /** @throws when nothing has been written yet. */
  read(): Promise<string>;
  write(value: unknown): Promise<void>;
  /** A digest of all that an answer depends on beside the file. */
  basis(rules: string): Promise<string>;
  digestOf(path: string): Promise<string>;
}

/** Files by path, each with the digest of the content that was cleared. */
const clearedSchema = z.strictObject({ basis: z.string(), files: z.record(z.string(), z.string()) });

export function openClearedFiles(shelf: Shelf): ClearedFiles {
  const digestsOf = async (files: readonly string[]) =>
    new Map(await Promise.all(files.map(async (file) => [file, await shelf.digestOf(file)] as const)));
  return {
    async lookThrough(files, rules, look) {
      const basis = await shelf.basis(rules);
      const cleared = await readCleared(shelf, basis);
      const before = await digestsOf(files);
      const uncleared = files.filter((file) => cleared.get(file) !== before.get(file));
      if (uncleared.length === 0) return files.length;
      const told = new Set(await look(uncleared));
      const after = await digestsOf(uncleared);
      // What was written while it was looked through is not what was looked through.
      for (const [file, digest] of after) if (told.has(file) || digest !== before.get(file)) before.delete(file);
      await shelf.write({ basis, files: Object.fromEntries(before) });
      return files.length - uncleared.length;
    },
  };
}

/** None where it is absent, cut short, of another basis or not ours: then all are looked through, which is never wrong. */
async function readCleared(shelf: Shelf, basis: string): Promise<ReadonlyMap<string, string>> {
  try {
    const kept = clearedSchema.safeParse(JSON.parse(await shelf.read()));
    return new Map(kept.success && kept.data.basis === basis ? Object.entries(kept.data.files) : []);
  } catch {
    return new Map();
  }
}
