import { exec, execOrThrow } from './exec.ts';

/** Who wrote a line, as git knows it. */
export interface Author {
  name: string;
  email: string;
}

/** What git gives as the commit of a line that is in none yet. */
const notCommitted = /^0+$/;

/**
 * The author of a line of a file; the first line is 1. Of what is in no commit yet it is who would commit it: git's own
 * identity here or, on a machine without one, the committer of HEAD.
 * @throws when git cannot tell: no repository, or one whose history is cut off.
 */
export async function authorsOf(root: string, path: string): Promise<(line: number) => Author> {
  const shallow = await execOrThrow('git', ['rev-parse', '--is-shallow-repository'], { cwd: root });
  if (shallow.stdout.trim() === 'true')
    throw new Error('the history is cut off here, fetch all of it: git fetch --unshallow');
  const next = await nextAuthor(root);
  const blame = await exec('git', ['blame', '--line-porcelain', '--', path], { cwd: root });
  // A file that git does not track yet has no line in any commit.
  const lines = blame.code === 0 ? parseBlame(blame.stdout) : [];
  return (line) => lines[line - 1] ?? next;
}

/** One entry for each line; `undefined`: it is in no commit yet. */
export function parseBlame(porcelain: string): (Author | undefined)[] {
  return porcelain.split(/^\t.*\n?/m).flatMap((head) => {
    const [, commit] = /^([0-9a-f]{40,64}) /.exec(head) ?? [];
    if (commit === undefined) return [];
    if (notCommitted.test(commit)) return [undefined];
    return [{ name: /^author (.*)$/m.exec(head)?.[1] ?? '', email: /^author-mail <(.*)>$/m.exec(head)?.[1] ?? '' }];
  });
}

/** Who would commit what is in no commit yet. @throws where there is neither an identity nor a commit. */
export async function nextAuthor(root: string): Promise<Author> {
  const own = await exec('git', ['var', 'GIT_AUTHOR_IDENT'], { cwd: root });
  const [, ownName, ownEmail] = /^(.*) <(.*)> \d+ /.exec(own.stdout) ?? [];
  if (own.code === 0 && ownEmail) return { name: ownName ?? '', email: ownEmail };
  const { stdout } = await execOrThrow('git', ['log', '-1', '--format=%cn%n%ce'], { cwd: root });
  const [name = '', email = ''] = stdout.split('\n');
  return { name, email };
}

/** Whether a name in a ledger means this person: by the address, by what stands before its @, or by the name in git. */
export function isSamePerson(name: string, author: Author): boolean {
  const plain = (text: string) => text.trim().toLowerCase();
  const known = [author.email, author.email.split('@')[0] ?? '', author.name].map(plain);
  const asked = plain(name);
  return known.includes(asked) || (asked.includes('<') && known.some((each) => asked.includes(`<${each}>`)));
}
