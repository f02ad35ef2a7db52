import { type Node, parseSync, visitorKeys } from 'oxc-parser';

/** Files that the parser understands: JavaScript and TypeScript, with and without JSX. */
const sourceFile = /\.[cm]?[jt]sx?$/;
/** A declaration file holds types only. */
const declarationFile = /\.d\.[cm]?ts$/;
const testFile = /(^|\/)(__tests__|tests?|test-[\w-]+)\/|\.(test|spec)\.[cm]?[jt]sx?$/;

export function isSourceFile(path: string): boolean {
  return sourceFile.test(path) && !declarationFile.test(path);
}

/** Tests run nowhere but on the machines of those who write them. */
export function isTestFile(path: string): boolean {
  return testFile.test(path);
}

/** Each enclosing node, the nearest last. */
export type Ancestors = readonly Node[];

/**
 * Parses one file and shows every node of it, parents first.
 * @throws when the text is not valid JavaScript or TypeScript: what cannot be read is not judged.
 */
export function visitSource(path: string, text: string, visit: (node: Node, ancestors: Ancestors) => void): void {
  const { program, errors } = parseSync(path, text);
  const [error] = errors;
  if (error) {
    const line = lineAt(text, error.labels[0]?.start ?? 0);
    throw new Error(`${path}:${line} cannot be parsed: ${error.message}`);
  }
  const ancestors: Node[] = [];
  const walk = (node: Node) => {
    visit(node, ancestors);
    ancestors.push(node);
    for (const child of childrenOf(node)) walk(child);
    ancestors.pop();
  };
  walk(program);
}

function childrenOf(node: Node): Node[] {
  const fields = node as unknown as Record<string, Node | readonly (Node | null)[] | null | undefined>;
  return (visitorKeys[node.type] ?? []).flatMap((key) => fields[key] ?? []).filter((child) => child !== null);
}

/** The line of an offset, counted from 1. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

/** What a property is called, by a plain name or a string: `a.b`, `a['b']`, `{ b: … }`, `{ 'b': … }`. */
export function nameOf(key: Node, computed = false): string | undefined {
  if (key.type === 'Identifier' && !computed) return key.name;
  if (key.type === 'PrivateIdentifier') return key.name;
  return stringOf(key);
}

/** The text of a string literal, or of a template without parts to fill in. */
export function stringOf(node: Node): string | undefined {
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node.type === 'TemplateLiteral' && node.expressions.length === 0)
    return node.quasis[0]?.value.cooked ?? undefined;
  return undefined;
}
