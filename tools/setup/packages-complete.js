// Does node_modules hold what package-lock.json asks for? Exit 0 when it does; 1, with the first differences on stderr,
// when it does not. Runs on the machine's own Node, before the pinned one is there: plain JavaScript, Node 18 or newer.
//
// npm writes node_modules/.package-lock.json last, so a half-done install has none. It is compared entry by entry, and
// every entry's package.json is opened, because a package may have been deleted since.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** More lines than this help nobody: the remedy is the same. */
const shownDifferences = 3;

const root = process.argv[2] ?? '.';
const differences = compare();
if (differences.length > 0) {
  for (const line of differences.slice(0, shownDifferences)) console.error(`    ${line}`);
  if (differences.length > shownDifferences) console.error(`    … and ${differences.length - shownDifferences} more`);
  process.exit(1);
}

function compare() {
  const wanted = readJson('package-lock.json')?.packages;
  if (!wanted) return ['package-lock.json cannot be read'];
  const present = readJson('node_modules/.package-lock.json')?.packages;
  if (!present) return ['node_modules is not there, or was left half-installed'];
  return Object.entries(wanted)
    .filter(([path]) => path.includes('node_modules/'))
    .flatMap(([path, entry]) => differenceAt(path, entry, present[path]));
}

/** An optional package is absent where it is for another platform. */
function differenceAt(path, wanted, present) {
  if (!present) return wanted.optional ? [] : [`${path} is not installed`];
  if (wanted.version !== present.version) {
    return [`${path} is ${present.version}, the lockfile asks for ${wanted.version}`];
  }
  if (wanted.integrity !== present.integrity) return [`${path} has other contents than the lockfile asks for`];
  const installed = readJson(join(path, 'package.json'));
  if (!installed) return [`${path} has been deleted or damaged`];
  if (wanted.link || installed.version === wanted.version) return [];
  return [`${path} is ${installed.version}, the lockfile asks for ${wanted.version}`];
}

/** Absent and unreadable mean the same here: npm has to install it. */
function readJson(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), 'utf8'));
  } catch {
    return undefined;
  }
}
