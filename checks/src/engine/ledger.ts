import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { z } from 'zod';
import { UsageError } from '../errors.ts';

/**
 * A ledger of the tree: YAML of a known shape. A tree without the file has none: undefined.
 * @throws UsageError when it is not YAML, or with every fault of its shape at once.
 */
export async function readLedger<T>(root: string, file: string, shape: z.ZodType<T>): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(join(root, file), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return checkedEntry(shape, parseYaml(text, file), file);
}

/** @throws UsageError with every fault at once; `what` names the thing that has them. */
export function checkedEntry<T>(shape: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join('.')}: ${message}` : message,
  );
  throw new UsageError(`${what} has ${faults.length} fault(s):\n  ${faults.join('\n  ')}`, 'Mend each of them.');
}

function parseYaml(text: string, file: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    const [reason] = (cause as Error).message.split(/:?\n/);
    throw new UsageError(`${file} is not YAML: ${reason}`, 'Mend it, or remove the file.');
  }
}
