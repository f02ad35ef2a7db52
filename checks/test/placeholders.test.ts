import { expect, test } from 'vitest';
import { fillPlaceholders } from '../src/sandbox/service.ts';

test('doubled braces stand for single ones, and everything else in braces is filled in', () => {
  const filled = fillPlaceholders({ A: '{url}/{{symbol}}', B: 'plain' }, { url: 'http://127.0.0.1:1' });
  expect(filled).toEqual({ A: 'http://127.0.0.1:1/{symbol}', B: 'plain' });
  expect(() => fillPlaceholders({ A: '{nobody}' }, { url: '' })).toThrow('{nobody}');
});
