import fc from 'fast-check';
import { expect, test } from 'vitest';
import { redact, redacted } from '../src/engine/redact.ts';
import { jsonReport } from '../src/reporters/json.ts';
import { sampleReport } from './support/sample-report.ts';

test('a secret is taken out wherever it stands: in texts, in lists, in names', () => {
  const secret = 'kX3_very-secret';
  const told = { [`key ${secret}`]: [`a ${secret} b ${secret}`, { deep: secret }], when: 3, none: null };
  expect(redact(told, [secret])).toEqual({
    [`key ${redacted}`]: [`a ${redacted} b ${redacted}`, { deep: redacted }],
    ...{ when: 3, none: null },
  });
});

test('of two secrets of which one begins the other, nothing is left', () => {
  expect(redact('abcdefgh-and-more', ['abcdefgh', 'abcdefgh-and-more'])).toBe(redacted);
});

test('what is too short to be a secret is left alone', () => {
  expect(redact('to be or not to be', ['', 'be', 'not'])).toBe('to be or not to be');
});

test('passwords in URLs and bearer tokens are taken out though nobody has named them', () => {
  expect(redact('postgres://app:hunter22@db:5432/x failed', [])).toBe(`postgres://app:${redacted}@db:5432/x failed`);
  expect(redact('authorization: Bearer abcdefgh.ijklmnop', [])).toBe(`authorization: Bearer ${redacted}`);
  expect(redact('postgres://postgres@127.0.0.1:5432/x', [])).toBe('postgres://postgres@127.0.0.1:5432/x');
});

test('a report without secrets is the same report', () => {
  const report = sampleReport();
  expect(redact(report, ['not-in-there'])).toEqual(report);
});

test('no report of any text keeps a secret', () => {
  const text = fc.string({ maxLength: 40 });
  const key = fc.stringMatching(/^[\w-]{12,40}$/);
  fc.assert(
    fc.property(text, text, key, (before, after, secret) => {
      const [result] = sampleReport().results;
      const facts = { [before + secret + after]: [secret, before + secret] };
      const findings = [{ message: before + secret + after, fix: secret, fingerprint: 'f' }];
      const report = sampleReport({ results: result ? [{ ...result, facts, findings }] : [] });
      expect(jsonReport(redact(report, [secret]))).not.toContain(secret);
    }),
    { numRuns: 200 },
  );
});
