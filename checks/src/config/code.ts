import { z } from 'zod';
import { command } from './shapes.ts';

/** What the code is, and how its types are checked. */
export const code = z.strictObject({
  /** A TypeScript compiler: `--listFiles --pretty false` is appended, to count what it looked at and to read what it says. */
  typeCheck: command,
  /** Globs of the code that runs in production. Tests beside it are not part of it. */
  production: z.array(z.string()).min(1),
  /** Production files whose job is to print: they may use the console. */
  consoleAllowed: z.array(z.strictObject({ glob: z.string().min(1), reason: z.string().min(10) })).default([]),
  /** Globs of the code that runs while requests are answered. Default: all of `production`. */
  serving: z.array(z.string()).min(1).optional(),
  /** Files of it that may stop the process for a moment, because they run only while it starts. */
  blockingAllowed: z.array(z.strictObject({ glob: z.string().min(1), reason: z.string().min(10) })).default([]),
});

/** The linter whose rules the code follows. The files are appended to its command, and what makes it print JSON. */
export const lint = z.strictObject({
  command,
  /** Whose JSON it prints. */
  report: z.enum(['biome', 'eslint']),
  /** Globs of what it looks at, whole. Default: `code.production`. */
  files: z.array(z.string()).min(1).optional(),
});
