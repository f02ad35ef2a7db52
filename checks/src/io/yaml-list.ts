import { readFile, writeFile } from 'node:fs/promises';
import { Document, isMap, isSeq, parseDocument } from 'yaml';

/** Adds an entry to the list `name` of a YAML file, which is made when it is not there. Comments in it stay. */
export async function appendToList(file: string, name: string, entry: object): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const document = text.trim() === '' ? new Document({ [name]: [] }) : parseDocument(text);
  const list = isMap(document.contents) ? document.contents.get(name) : undefined;
  if (!isSeq(list)) throw new Error(`${file} has no list ${name}`);
  list.flow = false;
  list.add(document.createNode(entry));
  await writeFile(file, document.toString({ lineWidth: 0 }));
}
