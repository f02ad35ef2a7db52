/** What a page of Markdown says, as far as it can be held against the tree. */
export interface Page {
  headings: string[];
  /** Targets of links and pictures, as they are written. */
  links: { target: string; line: number }[];
  /** Commands of code blocks, and of code in a line: what is typed before its first argument's end. */
  commands: { text: string; line: number }[];
  /** It draws how things hang together: a diagram in a code block, or a picture. */
  diagrams: number;
}

const fence = /^\s*(?:```|~~~)\s*(\w*)/;
const heading = /^#{1,6}\s+(.+?)\s*#*$/;
const link = /!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)/g;
/** A picture of the tree. What is fetched from elsewhere is a badge. */
const picture = /!\[[^\]]*\]\((?!\s*<?(?:https?:)?\/\/)[^)]+\)|<img\s(?![^>]*src=["'](?:https?:)?\/\/)/;
const inlineCode = /`([^`]+)`/g;
const diagramLanguages = new Set(['mermaid', 'plantuml', 'dot', 'graphviz', 'd2']);
/** Blocks that hold what somebody types; one without a language may hold output too, which begins like no command. */
const shellLanguages = new Set(['', 'sh', 'bash', 'shell', 'console', 'zsh']);

/** Reads a page. What stands in a code block is no heading and no link. */
export function readPage(text: string): Page {
  const page: Page = { headings: [], links: [], commands: [], diagrams: 0 };
  let language: string | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const at = index + 1;
    const fenced = fence.exec(line);
    if (fenced) {
      language = language === undefined ? (fenced[1] ?? '').toLowerCase() : undefined;
      if (language !== undefined && diagramLanguages.has(language)) page.diagrams += 1;
    } else if (language !== undefined) {
      if (shellLanguages.has(language)) page.commands.push({ text: line.replace(/^\s*\$?\s*/, ''), line: at });
    } else readProse(page, line, at);
  }
  return page;
}

function readProse(page: Page, line: string, at: number): void {
  const title = heading.exec(line)?.[1];
  if (title !== undefined) page.headings.push(title);
  if (picture.test(line)) page.diagrams += 1;
  for (const [, target = ''] of line.replace(inlineCode, '').matchAll(link)) page.links.push({ target, line: at });
  for (const [, text = ''] of line.matchAll(inlineCode)) page.commands.push({ text, line: at });
}

/** What GitHub makes of a heading: the part of a link after `#`. */
export function anchorOf(title: string): string {
  const plain = title.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '');
  return plain
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

/** What a command needs of the tree: a script of package.json, a target of the Makefile, or a file. */
export type Wants = { kind: 'script' | 'target' | 'file'; name: string };

/** npm's words that run a script of the same name. */
const ownWords = new Set(['start', 'test', 'stop', 'restart']);

/** @returns undefined for a command that needs nothing that can be looked up here. */
export function wantsOf(command: string): Wants | undefined {
  const [program = '', first = '', second = ''] = command.trim().split(/\s+/);
  const plain = (name: string) => /^[\w@./:-]+$/.test(name) && !name.startsWith('-');
  if (program === 'make' && plain(first) && !first.includes('=')) return { kind: 'target', name: first };
  if (program === 'npm' && first === 'run' && plain(second)) return { kind: 'script', name: second };
  if (program === 'npm' && ownWords.has(first)) return { kind: 'script', name: first };
  if ((program === 'node' || program === 'bash' || program === 'sh') && plain(first) && first.includes('/'))
    return { kind: 'file', name: first.replace(/^\.\//, '') };
  if (/^\.\/[\w./-]+$/.test(program)) return { kind: 'file', name: program.slice(2) };
  return undefined;
}
