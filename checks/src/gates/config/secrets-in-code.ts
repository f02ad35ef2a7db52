import type { Node } from 'oxc-parser';
import { type Ancestors, lineAt, nameOf, stringOf, visitSource } from '../code/source-code.ts';
import type { Reading, SecretLiteral } from './secret-literals.ts';
import {
  isEnvironmentName,
  isSecretName,
  isUsable,
  isWellKnown,
  sqlPasswords,
  urlsWithPassword,
} from './secret-names.ts';

/** Something that gets a value, by the names that it goes by. */
interface Assignment {
  names: string[];
  value: Node;
  how: 'fallback' | 'assignment';
}

/**
 * Reads JavaScript or TypeScript: what is assigned to names of secrets, what is used when the environment gives none, and
 * passwords inside URLs and SQL. Comments, types and regular expressions are none of these.
 * @throws when it cannot be parsed.
 */
export function readCode(path: string, text: string): Reading {
  const reading: Reading = { literals: [], assignments: 0 };
  visitSource(path, text, (node, ancestors) => {
    const add = (at: Node, literal: Omit<SecretLiteral, 'line'>) =>
      reading.literals.push({ line: lineAt(text, at.start), ...literal });
    for (const assignment of assignmentsOf(node, ancestors)) {
      const { value, how } = assignment;
      const name = assignment.names.find((candidate) => isSecret(candidate, how));
      if (name !== undefined) reading.assignments += 1;
      const given = stringOf(unwrapped(value));
      if (given !== undefined && isDefault(name, given, how)) {
        add(value, { name: name ?? assignment.names[0] ?? 'a value', how, value: given });
      }
    }
    const written = writtenText(node);
    if (urlsWithPassword(written).length > 0) add(node, { name: 'a URL', how: 'url', value: written });
    if (sqlPasswords(written).length > 0) add(node, { name: 'a role', how: 'sql', value: written });
  });
  return reading;
}

/** In capitals, a constant of the code is not yet a variable of the environment: only a fallback tells that it is. */
function isSecret(name: string, how: Assignment['how']): boolean {
  const isConstant = how === 'assignment' && isEnvironmentName(name);
  return isSecretName(isConstant ? name.toLowerCase() : name);
}

/** A sentence, such as a message about a password, is a secret only where the program would use it as one. */
function isDefault(name: string | undefined, value: string, how: Assignment['how']): boolean {
  if (isWellKnown(value)) return name !== undefined || how === 'fallback';
  return name !== undefined && isUsable(value) && (how === 'fallback' || !/\s/.test(value));
}

function assignmentsOf(node: Node, ancestors: Ancestors): Assignment[] {
  switch (node.type) {
    case 'LogicalExpression':
      return node.operator === '&&' ? [] : [{ names: namesIn(node.left), value: node.right, how: 'fallback' }];
    case 'ConditionalExpression':
      return [node.consequent, node.alternate].map((value) => ({ names: namesIn(node.test), value, how: 'fallback' }));
    case 'AssignmentExpression': {
      const how = node.operator === '??=' || node.operator === '||=' ? 'fallback' : 'assignment';
      return [{ names: namesIn(node.left), value: node.right, how }];
    }
    case 'AssignmentPattern': {
      const parent = ancestors.at(-1);
      const key = parent?.type === 'Property' ? nameOf(parent.key, parent.computed) : undefined;
      return [
        { names: [...(key === undefined ? [] : [key]), ...namesIn(node.left)], value: node.right, how: 'fallback' },
      ];
    }
    case 'CallExpression':
      return fallbacksOfCall(node, ancestors);
    default:
      return plainAssignment(node);
  }
}

function plainAssignment(node: Node): Assignment[] {
  if (node.type === 'VariableDeclarator' && node.init) {
    return [{ names: namesIn(node.id), value: node.init, how: 'assignment' }];
  }
  if ((node.type === 'Property' || node.type === 'PropertyDefinition') && node.value) {
    const name = nameOf(node.key, node.computed);
    return name === undefined ? [] : [{ names: [name], value: node.value, how: 'assignment' }];
  }
  return [];
}

const schemaDefaults = new Set(['default', 'catch', 'prefault']);

/** `API_KEY: z.string().default('…')`, `get('API_KEY', '…')`. */
function fallbacksOfCall(node: Extract<Node, { type: 'CallExpression' }>, ancestors: Ancestors): Assignment[] {
  const { callee } = node;
  const [first, second] = node.arguments;
  if (!first) return [];
  const method = callee.type === 'MemberExpression' ? nameOf(callee.property, callee.computed) : undefined;
  if (method !== undefined && schemaDefaults.has(method)) {
    const owner = ancestors.findLast(({ type }) => type === 'Property' || type === 'VariableDeclarator');
    return owner ? plainAssignment(owner).map(({ names }) => ({ names, value: first, how: 'fallback' })) : [];
  }
  const name = stringOf(first);
  return second && name !== undefined && isEnvironmentName(name)
    ? [{ names: [name], value: second, how: 'fallback' }]
    : [];
}

/** The last name of what is read or written: API_KEY of `process.env.API_KEY`, of `!env['API_KEY']`, of `API_KEY !== undefined`. */
function namesIn(node: Node): string[] {
  switch (node.type) {
    case 'Identifier':
      return [node.name];
    case 'MemberExpression':
      return [nameOf(node.property, node.computed)].filter((name) => name !== undefined);
    case 'ChainExpression':
    case 'ParenthesizedExpression':
    case 'TSNonNullExpression':
    case 'TSAsExpression':
      return namesIn(node.expression);
    case 'UnaryExpression':
      return namesIn(node.argument);
    case 'BinaryExpression':
    case 'LogicalExpression':
      return [...namesIn(node.left), ...namesIn(node.right)];
    case 'CallExpression':
      return [...node.arguments.flatMap((argument) => stringOf(argument) ?? []), ...namesIn(node.callee)];
    default:
      return [];
  }
}

function unwrapped(node: Node): Node {
  const wraps =
    node.type === 'TSAsExpression' || node.type === 'TSSatisfiesExpression' || node.type === 'ParenthesizedExpression';
  return wraps ? unwrapped(node.expression) : node;
}

function writtenText(node: Node): string {
  if (node.type === 'TemplateElement') return node.value.cooked ?? '';
  return node.type === 'Literal' && typeof node.value === 'string' ? node.value : '';
}
