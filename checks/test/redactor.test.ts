import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { createRedactor, secretValues } from '../src/commands/redactor.ts';
import { redacted } from '../src/engine/redact.ts';

test('what opens something in the environment is known by the name of its variable', () => {
  const environment = {
    ...{
      PAYMENT_API_KEY: 'pk-1',
      DATABASE_PASSWORD: 'hunter22',
      SESSION_SECRET: 'x'.repeat(40),
      EMPTY_TOKEN: undefined,
    },
    ...{ PREFLIGHT_SIGN_KEY: '/home/ada/.ssh/id', CACHE_KEY: 'v1-orders', MODE_TOKEN: 'production', PATH: '/usr/bin' },
  };
  expect(secretValues(environment)).toEqual(['pk-1', 'hunter22', 'x'.repeat(40)]);
});

test('a secret is taken out in every form in which it travels', () => {
  const redactor = createRedactor({});
  const secret = 'a "quoted"/secret+value';
  const forms = [secret, encodeURIComponent(secret), JSON.stringify(secret)];
  expect(redactor.clean(forms)).toEqual(forms);
  redactor.add([secret]);
  expect(redactor.clean(forms)).toEqual([redacted, redacted, `"${redacted}"`]);
});

test('streams say nothing secret, whatever became known after they were guarded', () => {
  const said: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      said.push(chunk.toString());
      done();
    },
  });
  const raw = Object.assign(stream, { isTTY: true, columns: 80 }) as unknown as NodeJS.WriteStream;
  const redactor = createRedactor({ SOME_TOKEN: 'token-of-the-environment' });
  const { stdout, stderr } = redactor.guard({ stdout: raw, stderr: raw });
  redactor.add(['key-of-the-stack']);
  stdout.write('see key-of-the-stack\n');
  stderr.write('see token-of-the-environment, postgres://a:password@host/\n');
  expect(said).toEqual([`see ${redacted}\n`, `see ${redacted}, postgres://a:${redacted}@host/\n`]);
  expect(stdout).toMatchObject({ isTTY: true, columns: 80 });
});
