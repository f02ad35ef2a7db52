import type { Node } from 'oxc-parser';
import picomatch from 'picomatch';
import { defineGate } from '../../engine/gate.ts';
import { type Ancestors, isSourceFile, isTestFile, lineAt, nameOf, stringOf, visitSource } from './source-code.ts';

/** One mention of the console in code that runs in production. */
interface Use {
  file: string;
  line: number;
  /** As it is written, on one line. */
  code: string;
}

interface Facts {
  uses: Use[];
  /** Files whose job is to print, by the glob of the configuration that allows each. */
  allowed: Record<string, number>;
}

export default defineGate<Facts>({
  id: 'code/no-console',
  severity: 'blocker',
  profile: 'static',
  needs: [],
  files: ({ code }) => code.production,
  covers: ['code.no-console', 'logs.structured'],
  unit: 'files',
  why: 'The console writes lines without a level, a time or a request id, past redaction, and blocks the process when its pipe is full.',
  fix: 'Log through the logger: log.info({ orderId }, "order placed"). Where printing is the program\'s job, allow the file in code.consoleAllowed of preflight.config.ts, with the reason.',
  source: 'https://nodejs.org/api/process.html#a-note-on-process-io',

  async observe({ config, tree }) {
    const files = (await tree.files(...config.code.production)).filter(
      (path) => isSourceFile(path) && !isTestFile(path),
    );
    const allowances = config.code.consoleAllowed.map(({ glob }) => ({
      glob,
      matches: picomatch(glob, { dot: true }),
    }));
    const allowed = Object.fromEntries(allowances.map(({ glob }) => [glob, 0]));
    const uses: Use[] = [];
    for (const file of files) {
      const allowance = allowances.find(({ matches }) => matches(file));
      if (allowance) allowed[allowance.glob] = (allowed[allowance.glob] ?? 0) + 1;
      else uses.push(...findConsole(file, await tree.read(file)));
    }
    return { examined: files.length, facts: { uses, allowed } };
  },

  judge: ({ uses, allowed }) => [
    ...uses.map(({ file, line, code }) => ({
      message: `it prints to the console: ${code}`,
      file,
      line,
      identity: code,
    })),
    ...Object.entries(allowed)
      .filter(([, files]) => files === 0)
      .map(([glob]) => ({
        message: `code.consoleAllowed names ${glob}, and no production file matches it`,
        fix: 'Remove it from preflight.config.ts: it would silently allow whatever takes that name later.',
      })),
  ],

  samples: {
    good: [{ uses: [], allowed: { 'src/cli.ts': 1 } }],
    bad: [
      { uses: [{ file: 'src/orders.ts', line: 12, code: 'console.log(order)' }], allowed: {} },
      { uses: [], allowed: { 'src/gone.ts': 0 } },
    ],
  },

  async sabotage({ config, scratch }) {
    const allowed = picomatch(
      config.code.consoleAllowed.map(({ glob }) => glob),
      { dot: true },
    );
    const files = await scratch.files(...config.code.production);
    const victim = files.find((path) => isSourceFile(path) && !isTestFile(path) && !allowed(path));
    if (!victim) throw new Error('code.production holds no source file that may not print');
    await scratch.write(victim, `${await scratch.read(victim)}\nconsole.log('planted');\n`);
    return undefined;
  },
});

/** A file that never says the word, and hides no letter of it behind an escape, cannot reach the console by name. */
const worthParsing = /console|\\u/;
const shownLength = 80;

/**
 * Every mention of the global console and of the module `console`: a call is one, and so is the alias that is called later.
 * @throws when the file cannot be parsed.
 */
export function findConsole(file: string, text: string): Use[] {
  if (!worthParsing.test(text)) return [];
  const uses: Use[] = [];
  visitSource(file, text, (node, ancestors) => {
    if (!isConsole(node, ancestors)) return;
    const shown = wholeExpression(node, ancestors);
    const code = text.slice(shown.start, shown.end).replace(/\s+/g, ' ').slice(0, shownLength);
    uses.push({ file, line: lineAt(text, node.start), code });
  });
  return uses;
}

const globalNames = new Set(['globalThis', 'global', 'window', 'self']);
const consoleModules = new Set(['console', 'node:console']);

function isConsole(node: Node, ancestors: Ancestors): boolean {
  if (node.type === 'Identifier') return node.name === 'console' && isReference(node, ancestors);
  if (node.type === 'MemberExpression') {
    const { object, property, computed } = node;
    return object.type === 'Identifier' && globalNames.has(object.name) && nameOf(property, computed) === 'console';
  }
  if (node.type === 'VariableDeclarator') return takesConsoleFromGlobal(node);
  if (node.type === 'ImportDeclaration') return node.importKind !== 'type' && consoleModules.has(node.source.value);
  if (node.type === 'CallExpression' || node.type === 'ImportExpression') return loadsConsole(node);
  return false;
}

/** Whether the identifier is read as a variable: not a property's name, not a declaration, not a type. */
function isReference(node: Node, ancestors: Ancestors): boolean {
  const parent = ancestors.at(-1);
  switch (parent?.type) {
    case 'MemberExpression':
      return parent.object === node || parent.computed;
    case 'Property':
      return parent.value === node && ancestors.at(-2)?.type !== 'ObjectPattern';
    case 'MethodDefinition':
    case 'PropertyDefinition':
    case 'AccessorProperty':
      return parent.key !== node || parent.computed;
    case 'VariableDeclarator':
      return parent.init === node;
    case 'AssignmentPattern':
      return parent.right === node;
    case 'ImportSpecifier':
    case 'ImportDefaultSpecifier':
    case 'ImportNamespaceSpecifier':
    case 'LabeledStatement':
      return false;
    default:
      return (
        !parent?.type.startsWith('TS') || parent.type === 'TSAsExpression' || parent.type === 'TSNonNullExpression'
      );
  }
}

/** `const { console: out } = globalThis`. */
function takesConsoleFromGlobal({ id, init }: Extract<Node, { type: 'VariableDeclarator' }>): boolean {
  if (id.type !== 'ObjectPattern' || init?.type !== 'Identifier' || !globalNames.has(init.name)) return false;
  return id.properties.some((entry) => entry.type === 'Property' && nameOf(entry.key, entry.computed) === 'console');
}

/** `require('console')`, `process.getBuiltinModule('console')`, `import('node:console')`. */
function loadsConsole(node: Extract<Node, { type: 'CallExpression' | 'ImportExpression' }>): boolean {
  if (node.type === 'ImportExpression') return consoleModules.has(stringOf(node.source) ?? '');
  const [first] = node.arguments;
  const { callee } = node;
  const name = callee.type === 'MemberExpression' ? nameOf(callee.property, callee.computed) : nameOf(callee);
  const loads = name === 'require' || name === 'getBuiltinModule';
  return loads && first !== undefined && consoleModules.has(stringOf(first) ?? '');
}

/** From the mention outwards to the call that it is part of, for the reader. */
function wholeExpression(node: Node, ancestors: Ancestors): Node {
  let whole = node;
  for (const ancestor of ancestors.toReversed()) {
    const extendsIt =
      ancestor.type === 'MemberExpression' ||
      ancestor.type === 'VariableDeclarator' ||
      (ancestor.type === 'CallExpression' && ancestor.callee === whole);
    if (!extendsIt) break;
    whole = ancestor;
  }
  return whole;
}
