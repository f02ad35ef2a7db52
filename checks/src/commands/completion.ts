import type { Streams } from './terminal.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** A command as a shell has to know it. */
export interface Completable {
  name: string;
  description: string;
  options: { flag: string; description: string; choices: readonly string[] }[];
  /** Whether its arguments are ids of gates and drills. */
  takesIds: boolean;
}

/** Prints what makes the shell complete preflight's words: `preflight completion bash > ~/.local/share/bash-completion/completions/preflight`. */
export function completion(shell: Shell, commands: readonly Completable[], { stdout }: Streams): number {
  stdout.write(scripts[shell](commands));
  return 0;
}

const scripts: Record<Shell, (commands: readonly Completable[]) => string> = { bash, zsh, fish };

/** Ids are asked for when they are needed: a configuration's plugins bring their own. */
const ids = `$(preflight list 2>/dev/null | cut -d ' ' -f 1)`;

function bash(commands: readonly Completable[]): string {
  return `_preflight() {
  local words command=\${COMP_WORDS[1]} previous=\${COMP_WORDS[COMP_CWORD-1]} current=\${COMP_WORDS[COMP_CWORD]}
  if [ "$COMP_CWORD" -eq 1 ]; then command=; fi
${choice(commands)}
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o default -F _preflight preflight
`;
}

function zsh(commands: readonly Completable[]): string {
  return `#compdef preflight
_preflight() {
  local candidates command=\${words[2]} previous=\${words[CURRENT-1]}
  if [ "$CURRENT" -eq 2 ]; then command=; fi
${choice(commands).replaceAll(/\bwords=/g, 'candidates=')}
  compadd -- \${=candidates}
}
if [ "$funcstack[1]" = _preflight ]; then _preflight "$@"; else compdef _preflight preflight; fi
`;
}

/** Sets \`words\` by the command and the word before: the values of an option, or the options and ids. */
function choice(commands: readonly Completable[]): string {
  const valued = commands.flatMap(({ name, options }) =>
    options.flatMap(({ flag, choices }) => (choices.length > 0 ? [[`'${name} ${flag}'`, choices.join(' ')]] : [])),
  );
  const flags = commands.map(({ name, options, takesIds }) => {
    const words = options.map(({ flag }) => flag).join(' ');
    return [`'${name} '*`, takesIds ? `${words} ${ids}` : words];
  });
  const rows = [[`' '*`, commands.map(({ name }) => name).join(' ')], ...valued, ...flags];
  const cases = rows.map(([pattern, words]) => `    ${pattern}) words="${words}" ;;`);
  return ['  case "$command $previous" in', ...cases, '  esac'].join('\n');
}

function fish(commands: readonly Completable[]): string {
  const lines = commands.flatMap(({ name, description, options, takesIds }) => [
    `complete -c preflight -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
    ...options.map(({ flag, description: about, choices }) => {
      const values = choices.length > 0 ? ` -xa ${quoted(choices.join(' '))}` : '';
      return `complete -c preflight -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)}${values} -d ${quoted(about)}`;
    }),
    ...(takesIds
      ? [
          `complete -c preflight -n '__fish_seen_subcommand_from ${name}' -a "(preflight list 2>/dev/null | cut -d ' ' -f 1)"`,
        ]
      : []),
  ]);
  return `complete -c preflight -f\n${lines.join('\n')}\n`;
}

function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, (character) => `\\${character}`)}'`;
}
