import { blanksOf } from '../blank.ts';
import type { Survey } from './survey.ts';

/** The survey as TypeScript. */
export function configText(found: Survey): string {
  const imported = blanksOf(found).length > 0 ? 'blank, defineConfig' : 'defineConfig';
  return `import { ${imported} } from 'preflight';

/** What this service is, and what it promises: defineConfig's type documents each part, and the parts that are not here yet. */
export default defineConfig(${literal(found, '')});
`;
}

function literal(value: unknown, indent: string): string {
  const question = blanksOf(value, ['']).find((line) => line.startsWith(': '));
  if (question !== undefined) return `blank(${quoted(question.slice(2))})`;
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return `[${value.map((each) => literal(each, indent)).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const inner = `${indent}  `;
  const lines = Object.entries(value).map(([name, each]) => `${inner}${nameOf(name)}: ${literal(each, inner)},\n`);
  return lines.length === 0 ? '{}' : `{\n${lines.join('')}${indent}}`;
}

function nameOf(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : quoted(name);
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
