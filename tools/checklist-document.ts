import { allChecks } from '../checks/src/all.ts';
import { checklistDocument } from '../checks/src/checklist/document.ts';
import { allItems } from '../checks/src/checklist/items/index.ts';
import { readAll } from '../checks/src/checklist/read.ts';
import { thresholds } from '../checks/src/checklist/thresholds.ts';
import { type GeneratedDocument, writeOrCheck } from './generated-document.ts';

const document: GeneratedDocument = {
  file: new URL('../CHECKLIST.md', import.meta.url),
  text: () => checklistDocument(readAll(), allItems, allChecks, thresholds),
  about: `${allItems.length} items`,
};

if (import.meta.main) process.exitCode = writeOrCheck(document, 'checklist-document.ts', process.argv[2]);
