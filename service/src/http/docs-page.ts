import { DOCS_STYLE } from './docs-style.ts';
import { alternatives, propertiesOf, type Schema } from './examples.ts';

/** How deep nested fields are shown. */
const DEPTH_MAX = 6;
const SUMMARY_LENGTH_MAX = 100;

interface Media {
  readonly schema: Schema;
  readonly example: unknown;
}
type Content = Readonly<Record<string, Media>>;
interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Schema;
  readonly example: unknown;
}

/** The part of an OpenAPI operation that the page shows; `openapi.ts` writes it. */
interface Operation {
  readonly summary: string;
  readonly operationId: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: Content }>>;
}
interface Document {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** Everything that comes from the document goes through this. */
function escapeHtml(text: string): string {
  const named: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replaceAll(/[&<>"']/g, (character) => named[character] ?? '');
}

function keyOf({ security }: Operation): string {
  const [needed] = security;
  if (needed === undefined) return 'No key needed.';
  const roles = needed.apiKey;
  return roles === undefined ? 'Needs the processing key.' : `Needs an API key: ${roles.join(', ')}.`;
}

function typeOf(schema: Schema): string {
  const choices = alternatives(schema);
  if (choices.length > 0) return [...new Set(choices.map(typeOf))].join(' or ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (typeof schema.$ref === 'string') return schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
  if (schema.type === 'array') return `array of ${typeOf((schema.items ?? {}) as Schema)}`;
  const type = typeof schema.type === 'string' ? schema.type : 'anything';
  return typeof schema.format === 'string' && type === 'string' ? `${type} (${schema.format})` : type;
}

/** The object inside a schema whose fields are worth showing: its own, its items', or that of one alternative. */
function objectIn(schema: Schema): Schema {
  if (schema.type === 'array') return objectIn((schema.items ?? {}) as Schema);
  return alternatives(schema).find((choice) => choice.type === 'object') ?? schema;
}

function fields(schema: Schema, depth = 0): string {
  const inner = objectIn(schema);
  const entries = Object.entries(propertiesOf(inner));
  if (entries.length === 0 || depth > DEPTH_MAX) return '';
  const required = Array.isArray(inner.required) ? inner.required : [];
  const items = entries.map(([name, property]) => {
    const note = typeof property.description === 'string' ? ` – ${escapeHtml(property.description)}` : '';
    const optional = required.includes(name) ? '' : ', optional';
    return `<li><code>${escapeHtml(name)}</code> <span class="soft">${escapeHtml(typeOf(property))}${optional}${note}</span>${fields(property, depth + 1)}</li>`;
  });
  return `<ul class="fields">${items.join('')}</ul>`;
}

function media(content: Content): string {
  return Object.entries(content)
    .map(([type, { schema, example }]) => {
      const text = typeof example === 'string' ? example : JSON.stringify(example, null, 2);
      return `<p class="soft">${escapeHtml(type)}: ${escapeHtml(typeOf(schema))}</p>${fields(schema)}<pre tabindex="0"><code>${escapeHtml(text)}</code></pre>`;
    })
    .join('');
}

function parameters(list: readonly Parameter[]): string {
  if (list.length === 0) return '';
  const items = list.map(({ name, in: where, required, description, schema, example }) => {
    const note = description === undefined ? '' : ` – ${escapeHtml(description)}`;
    const facts = `in ${where}, ${typeOf(schema)}${required ? '' : ', optional'}, such as ${JSON.stringify(example)}`;
    return `<li><code>${escapeHtml(name)}</code> <span class="soft">${escapeHtml(facts)}${note}</span></li>`;
  });
  return `<h3>Parameters</h3><ul class="fields">${items.join('')}</ul>`;
}

/** A description that is longer than a line is folded away with the rest: there it lists every code of its status. */
function reply(status: string, { description, content }: Operation['responses'][string]): string {
  const isLong = description.length > SUMMARY_LENGTH_MAX;
  const [first] = Object.values(content);
  const title = (first?.example as { readonly title?: string } | undefined)?.title ?? description;
  const detail = isLong ? `<p class="soft">${escapeHtml(description)}</p>` : '';
  return `<details><summary><strong>${escapeHtml(status)}</strong> ${escapeHtml(isLong ? title : description)}</summary>${detail}${media(content)}</details>`;
}

function section(path: string, method: string, operation: Operation): string {
  const { operationId, summary, requestBody, responses } = operation;
  const request = requestBody === undefined ? '' : `<h3>Request</h3>${media(requestBody.content)}`;
  const replies = Object.entries(responses).map(([status, response]) => reply(status, response));
  return `<section id="${escapeHtml(operationId)}">
<h2><span class="method">${escapeHtml(method.toUpperCase())}</span> <code>${escapeHtml(path)}</code></h2>
<p>${escapeHtml(summary)}</p><p class="soft">${escapeHtml(keyOf(operation))}</p>
${parameters(operation.parameters)}${request}<h3>Responses</h3>${replies.join('\n')}
</section>`;
}

/** The API as a page of its own: no script, nothing to load, every text from the OpenAPI document escaped. */
export function renderDocsPage(openApi: Schema): string {
  const { info, paths } = openApi as unknown as Document;
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const links = all.map(
    ({ path, method, operation }) =>
      `<li><span class="method">${escapeHtml(method.toUpperCase())}</span> <a href="#${escapeHtml(operation.operationId)}"><code>${escapeHtml(path)}</code></a></li>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(info.title)}</title>
<link rel="icon" href="data:,">
<style>${DOCS_STYLE}</style>
</head>
<body>
<header>
<h1>${escapeHtml(info.title)} <span class="soft">${escapeHtml(info.version)}</span></h1>
<p>${escapeHtml(info.description)} The same as a document for programs: <a href="/openapi.json">openapi.json</a>.</p>
<p class="soft">Keys go in <code>Authorization: Bearer</code>. Quantities and prices may come as JSON numbers or as decimal strings,
and go out as decimal strings. Every error is a problem (RFC 9457) with a stable <code>code</code>.</p>
</header>
<nav aria-label="Operations"><ul>${links.join('')}</ul></nav>
<main>
${all.map(({ path, method, operation }) => section(path, method, operation)).join('\n')}
</main>
</body>
</html>
`;
}
