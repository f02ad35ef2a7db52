import { afterEach, describe, expect, test } from 'vitest';
import { type Config, parseConfig } from '../src/config.ts';
import { commandsOf, followPage, missingIn, sectionOf } from '../src/io/runbook-page.ts';
import { openTree, type Tree } from '../src/io/tree.ts';
import { startSupervisor } from '../src/sandbox/supervisor.ts';
import { everyTool, fakeDrill, fakeSandbox, runFake } from './support/fake-checks.ts';
import { smallestConfig } from './support/look.ts';
import { createSmallRepository, type SmallRepository } from './support/small-repository.ts';

const block = (commands: string) => `\`\`\`bash\n${commands}\n\`\`\``;
const page = (recovery: string, over = block('true')) => `# Lost

## What you see

- Alert: \`Lost\`

## Diagnosis

${block('false')}

## Recovery

It is over when nothing fails.

${recovery}

## How you know that it is over

${over}

## See also

${block('false')}
`;
const treeOf = (text: string): Tree => ({ root: '/', files: async () => [], read: async () => text });
const signal = new AbortController().signal;
const environment = { PATH: process.env.PATH ?? '', WORD: 'seen' };
const follow = (text: string) => followPage(treeOf(text), 'Lost.md', environment, signal);

describe('a page', () => {
  test('has commands under each heading, all of that section and no others', () => {
    const text = page(
      `${block('one')}\n\nthen\n\n- in a list:\n\n  \`\`\`bash run\n  two <<'X'\n    three\n  X\n  \`\`\``,
    );
    expect(commandsOf(text, 'Recovery')).toBe("one\n\ntwo <<'X'\n  three\nX\n");
    expect(commandsOf(text, 'What you see')).toBeUndefined();
    expect(sectionOf(text, 'What you see')).toBe('- Alert: `Lost`');
    expect(missingIn(text)).toEqual([]);
  });

  test.each([
    [page(''), ['no commands under "Recovery"']],
    [page(block('')), ['no commands under "Recovery"']],
    [page(block('true'), 'It is quiet.'), ['no commands under "How you know that it is over"']],
    [page(block('true')).replace('- Alert: `Lost`\n', ''), ['nothing under "What you see"']],
    [
      '# Lost\n',
      [
        'nothing under "What you see"',
        'no commands under "Recovery"',
        'no commands under "How you know that it is over"',
      ],
    ],
  ])('that lacks something: %#', (text, missing) => {
    expect(missingIn(text)).toEqual(missing);
  });

  test('is followed to its end, in the order of what mends and what tells that it is over', async () => {
    expect(await follow(page(block('test "$WORD" = seen')))).toEqual({ path: 'Lost.md', missing: [], failed: null });
  });

  test.each([
    ['Recovery', page(block('echo not ready >&2\nfalse\necho never')), 'not ready'],
    ['Recovery', page(block('echo "$MISSING"')), 'MISSING: unbound variable'],
    ['Recovery', page(block('false | cat')), 'it printed nothing'],
    ['How you know that it is over', page(block('true'), block('echo still broken; exit 5')), 'still broken'],
  ])('ends with the first command under %s that fails: %#', async (section, text, said) => {
    expect((await follow(text)).failed).toMatchObject({ section, said: expect.stringContaining(said) });
  });

  test('that is not there is told', async () => {
    const read = () => Promise.reject(new Error('ENOENT'));
    const followed = await followPage({ ...treeOf(''), read }, 'Gone.md', environment, signal);
    expect(followed.missing).toEqual(['no such page']);
  });
});

describe('a drill and its page', () => {
  let repository: SmallRepository | undefined;
  afterEach(() => {
    repository?.close();
    repository = undefined;
  });

  /** Runs a drill that leaves the service dead, on a stack where only starting it mends that; `steps` tell in what order. */
  async function runWith(
    pageText: string | undefined,
    { drillPages, waits = true }: { drillPages?: Record<string, string>; waits?: boolean },
  ) {
    repository = await createSmallRepository(pageText === undefined ? {} : { 'runbooks/Lost.md': pageText });
    const steps: string[] = [];
    const drill = fakeDrill('drills/a', {
      async strike(_, recovery) {
        steps.push('strike');
        if (waits) await recovery.byThePage(async () => void steps.push('started otherwise'));
        return { examined: 1, facts: { wrong: [] }, struckInFlight: 1 };
      },
      undo: async () => void steps.push('undo'),
    });
    const sandbox = fakeSandbox({
      ...{ url: 'http://127.0.0.1:1', credentials: { writers: [], operator: '' } },
      startService: async () => void steps.push('started by the page'),
    });
    const { PATH = '' } = process.env;
    const result = await runFake(drill, {
      config: { ...(parseConfig(smallestConfig) as Config), ...(drillPages ? { drillPages } : {}) },
      tree: openTree(repository.root),
      tools: { ...everyTool, environment: { PATH } },
      openSandbox: async () => sandbox,
    });
    return { result, steps };
  }

  const drillPages = { 'drills/a': 'runbooks/Lost.md' };
  const mends = page(block('$START_COMMAND service'));

  test.each([
    [true, ['strike', 'started by the page', 'undo']],
    [false, ['strike', 'started by the page', 'undo']],
  ])('the page is followed once, before the undo; in the drill itself: %j', async (waits, expected) => {
    const { result, steps } = await runWith(mends, { drillPages, waits });
    expect(result).toMatchObject({ outcome: 'pass', findings: [] });
    expect(result.facts).toMatchObject({ pages: [{ path: 'runbooks/Lost.md', times: 1, missing: [], failed: null }] });
    expect(steps).toEqual(expected);
  });

  test.each([
    [
      'a command that is wrong',
      page(block('bin/no-such-script')),
      drillPages,
      /under "Recovery" .*exit code 127: .*bin\/no-such-script/,
    ],
    [
      'what is said to be over and is not',
      page(block('$START_COMMAND service'), block('false')),
      drillPages,
      /under "How you know .*exit code 1/,
    ],
    [
      'a part that nobody can start',
      page(block('$START_COMMAND redis')),
      drillPages,
      /exit code 22: .*no part is called redis/s,
    ],
    ['no commands', page(''), drillPages, /cannot be followed: no commands under "Recovery"/],
    ['no page', undefined, drillPages, /cannot be followed: no such page/],
    ['no page that is named', mends, { 'drills/b': 'runbooks/Lost.md' }, /^no runbook page says what to do about it$/],
  ])('%s turns the drill red, and the drill goes on by other means', async (_, text, pages, message) => {
    const { result, steps } = await runWith(text, { drillPages: pages });
    expect(result.outcome).toBe('fail');
    expect(result.findings).toMatchObject([{ message: expect.stringMatching(message), fix: expect.any(String) }]);
    expect(steps.slice(-2)).toEqual(['started otherwise', 'undo']);
  });

  test('a repository without pages has drills all the same', async () => {
    const { result, steps } = await runWith(undefined, {});
    expect(result).toMatchObject({ outcome: 'pass', facts: { struckInFlight: 1, wrong: [] } });
    expect(steps).toEqual(['strike', 'started otherwise', 'undo']);
  });
});

describe('what starts parts', () => {
  test('starts the part that it is asked for, and says when', async () => {
    const started: string[] = [];
    const supervisor = await startSupervisor({
      one: async () => void started.push('one'),
      broken: () => Promise.reject(new Error('its disk is full')),
    });
    try {
      expect(supervisor.startedAtMs()).toBeUndefined();
      const ask = async (name: string) =>
        followPage(treeOf(page(block(`${supervisor.command} ${name}`))), 'Lost.md', environment, signal);
      expect((await ask('one')).failed).toBeNull();
      expect(started).toEqual(['one']);
      expect(supervisor.startedAtMs()).toBeGreaterThan(0);
      expect((await ask('two')).failed?.said).toContain('no part is called two: one, broken');
      expect((await ask('broken')).failed?.said).toContain('its disk is full');
    } finally {
      await supervisor.close();
    }
  });
});
