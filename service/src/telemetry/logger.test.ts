import { describe, expect, it } from 'vitest';
import { errorFields } from './error-fields.ts';
import { createLogger } from './logger.ts';
import { createScrubber, secretsOf } from './scrub.ts';

function capture(secrets: readonly string[] = []) {
  const lines: string[] = [];
  const destination = { write: (line: string) => lines.push(line) };
  return { lines, logger: createLogger({ level: 'trace', nodeEnv: 'test', secrets, destination }) };
}

describe('createLogger', () => {
  it('writes one JSON object a line, with the level by name and a constant message', () => {
    const { lines, logger } = capture();
    logger.info({ orders: 3 }, 'Limit orders executed');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'info',
      service: 'order-service',
      orders: 3,
      msg: 'Limit orders executed',
    });
    expect(lines[0]?.endsWith('}\n')).toBe(true);
  });

  it('redacts fields by name, on child loggers too', () => {
    const { lines, logger } = capture();
    logger.child({ key: 'canary-1' }).info({ headers: { authorization: 'canary-2' }, password: 'canary-3' }, 'x');
    expect(lines.join('')).not.toContain('canary');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ key: '[redacted]', password: '[redacted]' });
  });

  it('masks exact secrets and anything shaped like a credential, wherever it slipped in', () => {
    const secret = 'with"quote\\and-backslash';
    const { lines, logger } = capture([secret]);
    const key = `pk_abcdefgh_${'k'.repeat(43)}`;
    logger.error({ err: new Error(`failed with ${secret} and ${key}`) }, `never do this: ${secret}`);
    logger.info({ nested: { deep: [`postgres://app:hunter2@db/x`, `Bearer ${'t'.repeat(20)}`] } }, 'x');
    expect(lines.join('')).not.toMatch(/with\\"quote|kkkk|hunter2|tttt/);
    for (const line of lines) expect(() => JSON.parse(line)).not.toThrow();
  });
});

describe('secretsOf', () => {
  it('knows the password as written and as decoded', () => {
    const secrets = secretsOf({
      databaseUrl: 'postgres://app:p%40ssw0rd%21@db/x',
      orderProcessingApiKey: 'k'.repeat(40),
    });
    const scrub = createScrubber(secrets);
    expect(scrub('p%40ssw0rd%21 p@ssw0rd! kkkk')).toBe('[redacted] [redacted] kkkk');
    expect(scrub('k'.repeat(40))).toBe('[redacted]');
  });
});

describe('errorFields', () => {
  it('follows causes, but not for ever', () => {
    const error = new Error('loop');
    error.cause = error;
    expect(JSON.stringify(errorFields(error)).match(/"loop"/g)).toHaveLength(6);
  });

  it('withholds what PostgreSQL says about values, and keeps what it says about the server', () => {
    const from = (code: string, message: string) =>
      Object.assign(new Error(message), { code, severity: 'ERROR', detail: 'Key (x)=(canary)', constraint: 'c' });
    expect(errorFields(from('22P02', 'invalid input syntax: "canary"'))).toMatchObject({
      code: '22P02',
      message: 'message withheld: it may quote values',
    });
    expect(errorFields(from('53100', 'could not extend file: No space left on device')).message).toContain(
      'No space left',
    );
    expect(JSON.stringify(errorFields(from('23505', 'duplicate')))).not.toContain('canary');
  });

  it('does not choke on what is not an error', () => {
    expect(errorFields('canary')).toEqual({ type: 'string', message: 'something that is not an Error was thrown' });
  });
});
