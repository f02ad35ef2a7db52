import { expect, test } from 'vitest';
import { parseWorkflow } from '../src/gates/ci/workflow.ts';
import workflowsAreValid from '../src/gates/ci/workflows-are-valid.ts';

const commit = 'a'.repeat(40);

const release = `on:
  push:
    tags: ["v*"]
permissions:
  contents: read
jobs:
  test:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@${commit} # v1
      - run: make test
  shared:
    uses: ./.github/workflows/shared.yml
  gate:
    needs: [test, shared]
    if: always()
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      - env:
          NEEDS: \${{ toJSON(needs) }}
        run: ./require-all
  deploy:
    needs: gate
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    environment: production
    steps:
      - run: ./roll-out
`;

function messages(text: string): string[] {
  const facts = { workflows: [parseWorkflow('w.yml', text)], complaints: [], shellcheck: true };
  return workflowsAreValid.judge(facts).map(({ line, message }) => `${line ?? '-'}: ${message}`);
}

/** The workflow with one piece of it changed. */
function changed(before: string, after: string): string[] {
  expect(release).toContain(before);
  return messages(release.replace(before, after));
}

test('a release behind one job that always runs and reads all results is good', () => {
  expect(messages(release)).toEqual([]);
});

test.each([
  [`actions/checkout@${commit}`, 'actions/checkout@v4', [/^11: actions\/checkout@v4 can change under us/]],
  ['./.github/workflows/shared.yml', 'them/theirs/.github/workflows/x.yml@main', [/^14: them\/theirs.* can change/]],
  ['permissions:\n  contents: read\n', '', [/^-: the workflow sets no permissions/]],
  ['contents: read', 'contents: write', [/^-: the token of every job of the workflow may write: contents/]],
  ['permissions:\n  contents: read\n', 'permissions: read-all\n', []],
  ['permissions:\n  contents: read\n', 'permissions: {}\n', []],
  ['needs: gate\n', 'needs: test\n', [/deployment deploy waits for no job that always runs/]],
  ['    needs: gate\n', '', [/deployment deploy waits for no job that always runs/]],
  ['    if: always()\n', '', [/deployment deploy waits for no job that always runs/]],
  ['toJSON(needs)', 'toJSON(github)', [/deployment deploy waits for no job that always runs/]],
  ['needs: [test, shared]', 'needs: [test]', [/gate lets deploy go without a look at shared/]],
  ['needs: gate\n', 'needs: gate\n    if: "!cancelled()"\n', [/deployment deploy runs whatever became of gate/]],
  ['needs: gate\n', "needs: gate\n    if: always() && needs.gate.result == 'success'\n", []],
  ['    if: always()\n', '    if: always()\n    continue-on-error: true\n', [/deployment deploy waits for no job/]],
])('with %j as %j', (before, after, expected) => {
  const found = changed(before, after);
  expect(found).toHaveLength(expected.length);
  for (const [index, pattern] of expected.entries()) expect(found[index]).toMatch(pattern);
});

test('a job without an end is named with its line', () => {
  expect(messages(release.replace('    timeout-minutes: 5\n', ''))).toEqual(['8: job test has no timeout-minutes']);
});

test.each(['pull_request_target', 'workflow_run'])('on %s the code of a pull request is not checked out', (trigger) => {
  const text = (ref: string) => `on: [${trigger}]
permissions: {}
jobs:
  build:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@${commit}
        with:
          ref: ${ref}
`;
  expect(messages(text('main'))).toEqual([]);
  expect(messages(text('refs/pull/${' + '{ github.event.number }}/merge'))).toEqual([
    `8: on ${trigger} the code of anybody's pull request is checked out where the secrets are`,
  ]);
});

test.each([
  ['jobs:\n\t- a tab', /is no workflow/],
  ['just a sentence', /is no workflow/],
  ['', /is no workflow/],
  ['on: push\njobs: [1]', /is no workflow: jobs/],
])('%j is no workflow', (text, expected) => {
  expect(messages(text)).toHaveLength(1);
  expect(messages(text)[0]).toMatch(expected);
});
