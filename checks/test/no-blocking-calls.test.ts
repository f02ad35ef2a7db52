import { expect, test } from 'vitest';
import { findBlocking } from '../src/gates/code/no-blocking-calls.ts';

const found = (text: string) => findBlocking('a.ts', text).map(({ name }) => name);

test.each([
  ["import { readFileSync } from 'node:fs'; export const f = () => readFileSync('x');", ['readFileSync']],
  ["import fs from 'fs'; function f() { fs.writeFileSync('x', ''); }", ['fs.writeFileSync']],
  ["import * as crypto from 'node:crypto'; class A { m() { crypto.scryptSync('a', 'b', 1); } }", ['crypto.scryptSync']],
  ["const { execSync } = require('child_process'); export function f() { execSync('x'); }", ['execSync']],
  ["async function f() { const zlib = await import('node:zlib'); zlib.gunzipSync(b); }", ['zlib.gunzipSync']],
  ["export const f = () => process.getBuiltinModule('node:fs').statSync('x');", ['statSync']],
  ['const f = (a) => Atomics.wait(a, 0, 0);', ['Atomics.wait']],
])('%s', (text, names) => {
  expect(found(text)).toEqual(names);
});

test.each([
  [
    'what a module does while it is loaded',
    "import { readFileSync } from 'node:fs'; export const page = readFileSync('x');",
  ],
  ["an object's own method", 'function f(cache) { cache.clearSync(); }'],
  ['a function of the same name', "import { parseSync } from './own.ts'; const f = () => parseSync('x');"],
  ['the asynchronous form', "import { readFile } from 'node:fs/promises'; const f = () => readFile('x');"],
])('%s stops nobody', (_, text) => {
  expect(found(text)).toEqual([]);
});
