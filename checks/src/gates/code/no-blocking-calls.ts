import { builtinModules } from 'node:module';
import type { Node } from 'oxc-parser';
import picomatch from 'picomatch';
import { defineGate } from '../../engine/gate.ts';
import { isSourceFile, isTestFile, lineAt, nameOf, stringOf, visitSource } from './source-code.ts';

/** A call that stops the process until it is done, in a function: what a module does while it is loaded delays no request. */
interface Call {
  file: string;
  line: number;
  /** As it is written: `fs.readFileSync`. */
  name: string;
}

interface Facts {
  calls: Call[];
  /** Files that may block, by the glob of the configuration that allows each. */
  allowed: Record<string, number>;
}

export default defineGate<Facts>({
  id: 'code/no-blocking-calls',
  severity: 'advisory',
  profile: 'static',
  needs: [],
  files: ({ code }) => code.serving ?? code.production,
  covers: ['code.asynchronous'],
  unit: 'files',
  why: 'Node answers all requests on one thread: while one of them waits for a file or a child process, every other one does.',
  fix: 'Use the asynchronous form, and await it. What runs only while the process starts: code.blockingAllowed of preflight.config.ts, with the reason.',
  source: 'https://nodejs.org/en/learn/asynchronous-work/dont-block-the-event-loop',

  async observe({ config, tree }) {
    const { serving, production, blockingAllowed } = config.code;
    const all = await tree.files(...(serving ?? production));
    const files = all.filter((path) => isSourceFile(path) && !isTestFile(path));
    const allowances = blockingAllowed.map(({ glob }) => ({ glob, matches: picomatch(glob, { dot: true }) }));
    const allowed = Object.fromEntries(allowances.map(({ glob }) => [glob, 0]));
    const calls: Call[] = [];
    for (const file of files) {
      const allowance = allowances.find(({ matches }) => matches(file));
      if (allowance) allowed[allowance.glob] = (allowed[allowance.glob] ?? 0) + 1;
      else calls.push(...findBlocking(file, await tree.read(file)));
    }
    return { examined: files.length, facts: { calls, allowed } };
  },

  judge: ({ calls, allowed }) => [
    ...calls.map(({ file, line, name }) => ({ message: `${name} stops every request`, file, line, identity: name })),
    ...Object.entries(allowed)
      .filter(([, files]) => files === 0)
      .map(([glob]) => ({
        message: `code.blockingAllowed names ${glob}, and no file matches it`,
        fix: 'Remove it from preflight.config.ts: it would silently allow whatever takes that name later.',
      })),
  ],

  samples: {
    good: [{ calls: [], allowed: { 'src/start.ts': 1 } }],
    bad: [
      { calls: [{ file: 'src/orders.ts', line: 12, name: 'readFileSync' }], allowed: {} },
      { calls: [], allowed: { 'src/gone.ts': 0 } },
    ],
  },

  async sabotage({ config, scratch }) {
    const { serving, production, blockingAllowed } = config.code;
    const isAllowed = picomatch(
      blockingAllowed.map(({ glob }) => glob),
      { dot: true },
    );
    const files = await scratch.files(...(serving ?? production));
    const victim = files.find((path) => isSourceFile(path) && !isTestFile(path) && !isAllowed(path));
    if (!victim) throw new Error('there is no source file that may not block');
    const planted = "export const planted = () => process.getBuiltinModule('node:fs').readFileSync('/dev/null');";
    await scratch.write(victim, `${await scratch.read(victim)}\n${planted}\n`);
    return undefined;
  },
});

/** A file that says neither cannot call one, unless it hides a letter behind an escape. */
const worthParsing = /Sync\b|Atomics|\\u/;

/** Every blocking call inside of a function. A method of an object of one's own that is called like a builtin's is none. */
export function findBlocking(file: string, text: string): Call[] {
  if (!worthParsing.test(text)) return [];
  const calls: Call[] = [];
  const builtins = new Set<string>();
  visitSource(file, text, (node, ancestors) => {
    for (const name of boundToBuiltin(node)) builtins.add(name);
    if (node.type !== 'CallExpression' || !ancestors.some(isFunction)) return;
    const name = blockingName(node, builtins);
    if (name !== undefined) calls.push({ file, line: lineAt(text, node.start), name });
  });
  return calls;
}

function isFunction(node: Node): boolean {
  return (
    node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression'
  );
}

const builtinNames = new Set(builtinModules);

function isBuiltin(source: string | undefined): boolean {
  return source !== undefined && (source.startsWith('node:') || builtinNames.has(source));
}

/** Names that stand for a builtin module or for what it exports: by import, or by require and its like. */
function boundToBuiltin(node: Node): string[] {
  if (node.type === 'ImportDeclaration' && isBuiltin(node.source.value))
    return node.specifiers.map(({ local }) => local.name);
  if (node.type !== 'VariableDeclarator' || !node.init || !loadsBuiltin(node.init)) return [];
  if (node.id.type === 'Identifier') return [node.id.name];
  if (node.id.type !== 'ObjectPattern') return [];
  return node.id.properties.flatMap((each) =>
    each.type === 'Property' && each.value.type === 'Identifier' ? [each.value.name] : [],
  );
}

/** `require('fs')`, `process.getBuiltinModule('fs')`, `await import('node:fs')`. */
function loadsBuiltin(node: Node): boolean {
  if (node.type === 'AwaitExpression') return loadsBuiltin(node.argument);
  if (node.type === 'ImportExpression') return isBuiltin(stringOf(node.source));
  if (node.type !== 'CallExpression') return false;
  const [first] = node.arguments;
  const name = node.callee.type === 'MemberExpression' ? nameOf(node.callee.property) : nameOf(node.callee);
  return (name === 'require' || name === 'getBuiltinModule') && first !== undefined && isBuiltin(stringOf(first));
}

/** The imported name may be another: what counts is that a builtin's is called, and that it ends in Sync. */
function blockingName(
  { callee }: Extract<Node, { type: 'CallExpression' }>,
  builtins: Set<string>,
): string | undefined {
  if (callee.type === 'Identifier')
    return builtins.has(callee.name) && callee.name.endsWith('Sync') ? callee.name : undefined;
  if (callee.type !== 'MemberExpression') return undefined;
  const method = nameOf(callee.property, callee.computed);
  const { object } = callee;
  if (object.type === 'Identifier' && object.name === 'Atomics' && method === 'wait') return 'Atomics.wait';
  if (!method?.endsWith('Sync')) return undefined;
  if (object.type === 'Identifier') return builtins.has(object.name) ? `${object.name}.${method}` : undefined;
  return loadsBuiltin(object) ? method : undefined;
}
