import { expect, test } from 'vitest';
import { gatesDocument } from './gates-document.ts';

const gate = {
  id: 'code/no-console',
  kind: 'gate',
  severity: 'blocker',
  profile: 'static',
  needs: [],
  covers: ['code.console'],
  unit: 'files',
  why: 'Nobody reads it.',
  fix: 'Use the logger.',
  source: 'https://example.org/logging',
} as const;
const drill = { ...gate, id: 'drills/backend-killed', kind: 'drill', needs: ['service', 'k6'], covers: [] } as const;

test('an index with links, then a section for each check, ordered by id whatever the order of the list', () => {
  const text = gatesDocument([drill, gate]);
  expect(text).toBe(gatesDocument([gate, drill]));
  expect(text).toContain('1 gates and 1 drills.');
  expect(text).toContain('| [code/no-console](#codeno-console) | gate | blocker | static |\n| [drills/backend-killed]');
  expect(text.match(/^## .*$/gm)).toEqual(['## code/no-console', '## drills/backend-killed']);
  expect(text).toContain('- needs nothing but the files; counts files\n- answers `code.console`\n');
  expect(text).toContain('- needs `service`, `k6`; counts files\n- answers no checklist item\n');
  expect(text.endsWith('https://example.org/logging\n')).toBe(true);
});
