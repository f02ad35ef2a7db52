import { describe, expect, test } from 'vitest';
import { daysKept, readRotations } from '../src/gates/logs/support/logrotate.ts';

const block = (...lines: string[]) => readRotations(`/var/log/a.log {\n${lines.join('\n')}\n}\n`, 'a')[0];

describe('a configuration of logrotate', () => {
  test('is read block by block, with what stands before them, without scripts and remarks', () => {
    const text = [
      'compress',
      'weekly # for all',
      '',
      '/var/log/a/*.log /var/log/b.log {',
      '  daily',
      '  rotate 92',
      '  postrotate',
      '    rotate 1',
      '    /usr/bin/reload {',
      '  endscript',
      '}',
      '/var/log/c.log {',
      '  rotate 4',
      '}',
    ].join('\n');
    expect(readRotations(text, 'x')).toEqual([
      {
        ...{ paths: ['/var/log/a/*.log', '/var/log/b.log'], file: 'x', line: 4 },
        directives: { compress: '', weekly: '', daily: '', rotate: '92' },
      },
      { paths: ['/var/log/c.log'], file: 'x', line: 12, directives: { compress: '', weekly: '', rotate: '4' } },
    ]);
  });

  test('that is none is refused with its line', () => {
    expect(() => readRotations('daily\n=nonsense\n', 'x')).toThrow('x:2');
  });
});

test.each([
  [['daily', 'rotate 92'], 92],
  [['weekly', 'rotate 4'], 28],
  [['daily', 'rotate 92', 'maxage 30'], 30],
  [['rotate 92'], 0],
  [['daily'], 0],
  [['hourly', 'rotate 48'], 2],
])('%j keeps %i days', (lines, days) => {
  const read = block(...lines);
  expect(read && daysKept(read)).toBe(days);
});
