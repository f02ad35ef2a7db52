/** A directive of an nginx configuration: its words as they are written, quotes too, and what stands in its block. */
export interface Directive {
  name: string;
  words: string[];
  block?: Directive[];
}

const token =
  /\s+|#[^\n]*|[{};]|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?:\\.|\$\{\w+\}|[^\s{};"'#\\])(?:\\.|\$\{\w+\}|[^\s{};\\])*/gy;

/**
 * Reads a configuration without its includes. https://nginx.org/en/docs/beginners_guide.html#conf_structure
 * @throws when it is not well-formed: then nothing is known of it.
 */
export function parseNginxConf(text: string): Directive[] {
  const tokens = tokensOf(text);
  let at = 0;
  const read = (depth: number): Directive[] => {
    const directives: Directive[] = [];
    let words: string[] = [];
    for (; at < tokens.length; at += 1) {
      const next = tokens[at] ?? '';
      if (next === '}') {
        if (depth === 0 || words.length > 0)
          throw new Error('a block of the nginx configuration ends where it should not');
        return directives;
      }
      const [name, ...rest] = words;
      if (next !== ';' && next !== '{') {
        words.push(next);
        continue;
      }
      if (name === undefined) throw new Error(`the nginx configuration has a ${next} without a directive`);
      words = [];
      if (next === ';') directives.push({ name, words: rest });
      else {
        at += 1;
        directives.push({ name, words: rest, block: read(depth + 1) });
      }
    }
    if (depth > 0 || words.length > 0) throw new Error('the nginx configuration ends in the middle');
    return directives;
  };
  return read(0);
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const from = token.lastIndex;
    const [found] = token.exec(text) ?? [];
    if (found === undefined)
      throw new Error(`the nginx configuration cannot be read at: ${text.slice(from, from + 40)}`);
    if (!/^[\s#]/.test(found)) tokens.push(found);
  }
  return tokens;
}

export function printNginxConf(directives: readonly Directive[], indent = ''): string {
  return directives
    .map(({ name, words, block }) => {
      const line = [name, ...words].join(' ');
      return block ? `${indent}${line} {\n${printNginxConf(block, `${indent}  `)}${indent}}\n` : `${indent}${line};\n`;
    })
    .join('');
}

/** Each directive of that name, wherever it stands. */
export function directivesNamed(directives: readonly Directive[], name: string): Directive[] {
  return directives.flatMap((each) => [
    ...(each.name === name ? [each] : []),
    ...(each.block ? directivesNamed(each.block, name) : []),
  ]);
}

const unitSeconds: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/** `1m 30s` → 90. @throws for what is no time of nginx. https://nginx.org/en/docs/syntax.html */
export function secondsOf(time: string): number {
  const parts = [...time.matchAll(/(\d+)(ms|[smhd])?/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== time.replaceAll(' ', ''))
    throw new Error(`${time} is no time of nginx`);
  return parts.reduce((sum, [, number, unit = 's']) => sum + Number(number) * (unitSeconds[unit] ?? 1), 0);
}
