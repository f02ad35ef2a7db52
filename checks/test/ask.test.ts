import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { ask } from '../src/commands/ask.ts';
import { UsageError } from '../src/errors.ts';

/** A stream that says of itself whether somebody types. */
function streamOf(typed: string, isTTY: boolean): NodeJS.ReadStream {
  const stream = Object.assign(new PassThrough(), { isTTY });
  stream.end(typed);
  return stream as unknown as NodeJS.ReadStream;
}

const stderr = Object.assign(new PassThrough(), { isTTY: false }) as unknown as NodeJS.WriteStream;
const questions = {
  owner: { flag: '--owner', question: 'who mends it', given: 'ada' },
  approver: { flag: '--approver', question: 'who accepts it' },
};

test('on a terminal only what is missing is asked for, on stderr', async () => {
  const streams = { stdout: process.stdout, stderr };
  const answers = await ask(questions, streams, streamOf('grace\n', true));
  expect(answers).toEqual({ owner: 'ada', approver: 'grace' });
  expect(String((stderr as unknown as PassThrough).read())).toContain('who accepts it: ');
});

test('where nobody types, every missing flag is named', async () => {
  const asked = ask(questions, { stdout: process.stdout, stderr }, streamOf('', false));
  await expect(asked).rejects.toThrow('these are missing: --approver (who accepts it)');
  await expect(asked).rejects.toBeInstanceOf(UsageError);
});
