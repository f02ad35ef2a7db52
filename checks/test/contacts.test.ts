import { afterEach, expect, test } from 'vitest';
import contactsAreCurrent from '../src/gates/on-call/contacts-are-current.ts';
import { lookAt } from './support/look.ts';
import { createSmallRepository, type SmallRepository } from './support/small-repository.ts';

let repository: SmallRepository | undefined;
afterEach(() => repository?.close());

const dayMs = 86_400_000;
const inDays = (days: number) => new Date(Date.now() + days * dayMs).toISOString();
const [sample] = contactsAreCurrent.samples.good;
const reach = ['+1 212 736 5000'];

/** As JSON, which is YAML too. */
async function look(change: object = {}) {
  const people = (sample?.contacts ?? []).map(({ role, name }) => ({ role, name, reach }));
  const rota = [{ who: 'a broker', from: inDays(-1), until: inDays(15) }];
  const file = { reviewed: inDays(-3).slice(0, 10), contacts: people, rota, escalation: sample?.escalation };
  repository?.close();
  repository = await createSmallRepository({ 'contacts.yaml': JSON.stringify({ ...file, ...change }) });
  return lookAt(contactsAreCurrent, repository.root, { contacts: { file: 'contacts.yaml', reviewedWithinDays: 30 } });
}

test('a complete file passes, and no number is in the report', async () => {
  const result = await look();
  expect(result).toMatchObject({ outcome: 'pass', examined: 10, findings: [] });
  expect(JSON.stringify(result)).not.toContain('736');
});

test.each([
  ['[Contact Information]', 'the broker is a placeholder'],
  ['ops@example.com', 'the broker is a placeholder'],
])('%s is not a way to reach anybody', async (way, message) => {
  const result = await look({ contacts: [{ role: 'broker', name: 'a broker', reach: [way] }] });
  expect(result.findings.map((finding) => finding.message)).toContain(message);
});

test('a rota that ends too soon says when', async () => {
  const until = inDays(5);
  const result = await look({ rota: [{ who: 'a broker', from: inDays(-1), until }] });
  expect(result).toMatchObject({
    outcome: 'fail',
    findings: [{ message: `nobody is on call at ${until}, within the next 14 days`, file: 'contacts.yaml' }],
  });
});

test('a file that is not there or not understood is an error, never a pass', async () => {
  expect((await look({ rota: 'always me' })).outcome).toBe('error');
  repository?.remove('contacts.yaml');
  const root = repository?.root ?? '';
  const gone = await lookAt(contactsAreCurrent, root, { contacts: { file: 'contacts.yaml', reviewedWithinDays: 30 } });
  expect(gone.outcome).toBe('error');
});

test('where the configuration names no file, nothing was looked at', async () => {
  repository = await createSmallRepository({ 'a.txt': 'a\n' });
  expect((await lookAt(contactsAreCurrent, repository.root)).outcome).toBe('not-run');
});
