import { drill, gate, type Item } from '../item.ts';

/** What the sources themselves must be like. */
export const code: readonly Item[] = [
  {
    id: 'code.tests-pass',
    severity: 'blocker',
    answer: gate('code/tests-pass'),
    asks: ['S1:168 Integration tests pass', 'S3:402 | Test Success Rate | 100% | ‚úÖ 100% (306/407 tests) |'],
  },
  {
    id: 'code.asynchronous',
    severity: 'advisory',
    answer: gate('code/no-blocking-calls'),
    asks: ['S2:172 Async/await patterns implemented for I/O operations'],
  },
  {
    id: 'code.types',
    severity: 'blocker',
    answer: gate('code/types-check'),
    asks: ['S4:12 **All TypeScript compiles without errors**', 'S4:14 Zero type errors'],
  },
  {
    id: 'code.lint',
    severity: 'blocker',
    answer: gate('code/lint-is-clean'),
    asks: ['S4:15 Zero lint errors'],
  },
  {
    id: 'code.no-console',
    severity: 'blocker',
    answer: gate('code/no-console'),
    asks: ['S4:17 **No console.logs in production code**'],
  },
  {
    id: 'code.uncaught',
    severity: 'blocker',
    answer: drill('drills/process-crashes-cleanly'),
    asks: ['S4:118 **Uncaught exception handlers**'],
  },
];
