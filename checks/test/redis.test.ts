import { expect, test } from 'vitest';
import { parseAnswer } from '../src/io/redis.ts';

const parse = (text: string) => parseAnswer(Buffer.from(text));

test('an answer is read when it is whole, and not before', () => {
  const whole = '$5\r\nh\u00e9ll\r\n';
  for (let length = 0; length < Buffer.byteLength(whole); length += 1) {
    expect(parseAnswer(Buffer.from(whole).subarray(0, length))).toBeUndefined();
  }
  expect(parse(whole)).toBe('h\u00e9ll');
});

test('every kind that an operator sees', () => {
  expect([parse('+OK\r\n'), parse(':3\r\n'), parse('$-1\r\n'), parse('$0\r\n\r\n')]).toEqual(['OK', 3, null, '']);
  expect(() => parse('-ERR no\r\n')).toThrow('Redis refused: ERR no');
  expect(() => parse('*1\r\n')).toThrow('not expected here');
});
