/** What an answer may give away of the inside, by its words. `own` are names of this very target: its tables, its directories. */
const patterns: readonly [what: string, pattern: RegExp][] = [
  ['a stack trace', /(^|\n|\\n)\s*at .{1,200}:\d+:\d+/],
  [
    'a path of its machine',
    /(?:file:\/\/|node_modules|(?:^|["'\s(=])\/(?:home|usr|var|tmp|srv|opt|app|root|work)\/)\S+/,
  ],
  [
    'a statement',
    /\bSELECT\b[^.]{1,200}\bFROM\b|\b(?:INSERT INTO|UPDATE\s+\S+\s+SET|DELETE FROM)\b|\bselect [\w*., ]{1,200} from \w+ (?:where|order by|limit|join)\b/,
  ],
  [
    'a message of the database',
    /syntax error at or near|invalid input syntax|violates \S+ constraint|duplicate key value|relation ".*" does not exist|SQLSTATE|terminating connection/i,
  ],
  ['an error of the operating system', /\bE(?:CONNREFUSED|CONNRESET|NOTFOUND|PIPE|TIMEDOUT|ACCES|NOENT|ADDRINUSE)\b/],
  ['an address of its network', /\b(?:127\.0\.0\.1|localhost|10(?:\.\d{1,3}){3}|192\.168(?:\.\d{1,3}){2}):\d{2,5}\b/],
  [
    'an error of the language',
    /\b(?:TypeError|ReferenceError|RangeError|SyntaxError|Cannot read propert|is not a function|Unexpected token)\b/,
  ],
];

/** What a text gives away, each with the words; empty where it says nothing inside. */
export function givenAway(text: string, own: readonly string[]): string[] {
  const found = patterns.flatMap(([what, pattern]) => {
    const [words] = pattern.exec(text) ?? [];
    return words === undefined ? [] : [`${what} (${words.trim().slice(0, 60)})`];
  });
  const named = own.filter((name) => text.includes(name)).map((name) => `the name ${name}`);
  return [...found, ...named];
}
