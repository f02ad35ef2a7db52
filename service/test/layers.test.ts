import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findWrongImports, type SourceFile } from './layers.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

function read(pattern: string): SourceFile[] {
  return globSync(pattern, { cwd: ROOT, exclude: ['**/node_modules/**'] }).map((file) => ({
    path: file.replaceAll(path.sep, '/'),
    text: readFileSync(path.join(ROOT, file), 'utf8'),
  }));
}

describe('direction of imports', () => {
  it('holds over service/src', () => {
    const files = read('service/src/**/*.ts').filter((file) => !file.path.endsWith('.test.ts'));
    const { looked, wrong } = findWrongImports(files);
    expect(wrong).toEqual([]);
    // Zero imports looked at would mean that the test has gone blind.
    expect(looked).toBeGreaterThan(50);
  });

  it('holds over checks: nothing there imports the service', () => {
    const { looked, wrong } = findWrongImports(read('checks/**/*.ts'));
    expect(wrong).toEqual([]);
    expect(looked).toBeGreaterThan(10);
  });

  it.each([
    ['a plain import', "import { placeOrder } from '../orders/place-order.ts';"],
    ['a type import', "import type { Config } from '../config.ts';"],
    ['a re-export', "export { createPool } from '../db/pool.ts';"],
    ['an import for its side effect', "import '../http/server.ts';"],
    ['a dynamic import', "const app = await import('../app.ts');"],
    ['an import over several lines', "import {\n  a,\n  b,\n} from '../workers/loop.ts';"],
    ['a way through another room', "import { x } from '../domain/../db/pool.ts';"],
    ['a room that nobody entered', "import { x } from '../shortcut/x.ts';"],
  ])('refuses, in the domain, %s', (_what, text) => {
    const { wrong } = findWrongImports([{ path: 'service/src/domain/order.ts', text }]);
    expect(wrong).toHaveLength(1);
    expect(wrong[0]).toMatch(/^service\/src\/domain\/order\.ts → service\/src\/\S+: domain must not import \S+$/);
  });

  it.each([
    ['service/src/db/orders.ts', '../orders/place-order.ts', 'db must not import orders'],
    ['service/src/http/orders.ts', '../db/orders.ts', 'http must not import db'],
    ['service/src/orders/place-order.ts', '../http/orders.ts', 'orders must not import http'],
    ['service/src/workers/loop.ts', '../http/server.ts', 'workers must not import http'],
    ['service/src/http/server.ts', '../config.ts', 'http must not import config'],
    ['service/src/app.ts', './main.ts', 'app must not import main'],
    ['service/src/app.ts', '../../checks/src/cli.ts', 'imports nothing of ours outside'],
    ['checks/src/engine/run.ts', '../../../service/src/config.ts', 'never imports it'],
    ['checks/test/run.test.ts', 'order-service', 'never imports it'],
  ])('refuses %s → %s', (file, specifier, why) => {
    const { wrong } = findWrongImports([{ path: file, text: `import x from '${specifier}';` }]);
    expect(wrong).toEqual([expect.stringContaining(why)]);
  });

  it('lets the right ways pass, and is not fooled by comments', () => {
    const text = [
      "import { Order } from '../domain/order.ts';",
      "import express from 'express';",
      "// import x from '../db/pool.ts';",
      "/* import x from '../db/pool.ts'; */",
    ].join('\n');
    expect(findWrongImports([{ path: 'service/src/http/orders.ts', text }])).toEqual({ looked: 2, wrong: [] });
  });
});
