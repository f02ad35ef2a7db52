/** A runbook page, as far as a machine can judge it. */
export interface Page {
  /** The heading of the first level. */
  title: string;
  /** Headings of the second level that have words below them. */
  sections: string[];
  /** Names of the scripts that its commands call, as `bin/NAME`. */
  scripts: string[];
}

const fence = /^\s*(`{3,}|~{3,})/;
/** A path from the root is none of a script of ours. */
const call = /(?:^|[\s;&|($`])(?:\.\/)?(?:[\w.-]+\/)*bin\/([\w.-]+)/g;

/** Reads a page in Markdown. Headings inside of code are none, and only code calls scripts. */
export function readPage(text: string): Page {
  const page: Page = { title: '', sections: [], scripts: [] };
  let section = '';
  let inCode = false;
  for (const line of text.split('\n')) {
    if (fence.test(line)) inCode = !inCode;
    const heading = inCode ? null : /^(#{1,2}) (.+?)\s*$/.exec(line);
    if (heading?.[1] === '#' && page.title === '') page.title = heading[2] ?? '';
    else if (heading?.[1] === '##') section = heading[2] ?? '';
    else if (line.trim() !== '' && !page.sections.includes(section)) page.sections.push(section);
    const code = inCode ? line : [...line.matchAll(/`([^`]+)`/g)].map(([, inline]) => inline).join('\n');
    page.scripts.push(...[...code.matchAll(call)].map(([, name = '']) => name));
  }
  return { ...page, sections: page.sections.filter(Boolean), scripts: [...new Set(page.scripts)] };
}

/** The file of the tree that a path or URL ends with, whatever stands before it. */
export function leadsTo(url: string, files: readonly string[]): string | null {
  const path = url.replace(/[#?].*$/, '');
  return files.find((file) => path === file || path.endsWith(`/${file}`)) ?? null;
}
