import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import contactsAreComplete from '../src/gates/on-call/contacts-are-complete.ts';
import contactsAreCurrent from '../src/gates/on-call/contacts-are-current.ts';
import { lookAt, repositoryRoot } from './support/look.ts';

const file = 'examples/contacts.yaml';
const contacts = { file, reviewedWithinDays: 30 };

test('the example is complete in all but being real: nobody can be called by it, nor is it of today', async () => {
  expect(await lookAt(contactsAreComplete, repositoryRoot, { contacts })).toMatchObject({
    outcome: 'pass',
    findings: [],
  });
  const { findings } = await lookAt(contactsAreCurrent, repositoryRoot, { contacts });
  const others = findings.filter(
    ({ message }) => !/ is a placeholder$|^reviewed on |^nobody is on call at /.test(message),
  );
  expect(others).toEqual([]);
  expect(findings.filter(({ message }) => message.endsWith(' is a placeholder')).length).toBe(10);
});

test('it says of itself that it is made up', () => {
  expect(readFileSync(join(repositoryRoot, file), 'utf8')).toContain('Everybody in it is made up');
});
