import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { lastLines } from '../../io/exec.ts';
import { partsOf } from './support/migration-parts.ts';

interface Violation {
  file: string;
  way: 'up' | 'down';
  line: number;
  rule: string;
  message: string;
  help: string | null;
}

interface Facts {
  files: number;
  violations: Violation[];
  exceptions: { file: string; rule: string }[];
}

/** Matters of taste, and what a way back is there for. */
const excluded = {
  up: ['prefer-bigint-over-int', 'prefer-identity', 'prefer-text-field', 'prefer-timestamp-tz', 'prefer-robust-stmts'],
  down: ['ban-drop-table', 'ban-drop-column', 'ban-drop-not-null', 'ban-drop-database'],
};

const reported = z.array(
  z.object({
    file: z.string(),
    line: z.number(),
    message: z.string(),
    help: z.string().nullable(),
    rule_name: z.string(),
  }),
);

export default defineGate<Facts>({
  id: 'database/migrations-are-safe',
  severity: 'blocker',
  profile: 'static',
  needs: ['squawk', 'config:migrations'],
  covers: ['db.migrations.safe'],
  unit: 'migrations, up and down',
  why: 'A migration that waits for a lock, or rewrites a table under one, stops every write behind it: on an empty database of a test it takes no time at all.',
  fix: 'Follow the advice of the rule: NOT VALID first and VALIDATE later, an index CONCURRENTLY, a column without a default that has to be computed.',
  source: 'https://squawkhq.com/docs/rules',
  files: (config) => [config.database.migrations],

  async observe({ config, tree, tools, exec }) {
    const { safeFrom, exceptions } = partOf(config, 'migrations');
    const files = (await tree.files(config.database.migrations)).filter((file) => basename(file) >= safeFrom);
    const directory = await mkdtemp(join(tmpdir(), 'preflight-migrations-'));
    try {
      const written = await Promise.all(
        files.map(async (file) => {
          const parts = partsOf(await tree.read(file));
          return Promise.all(
            (['up', 'down'] as const).map(async (way) => {
              const path = join(directory, way, basename(file));
              await mkdir(join(directory, way), { recursive: true });
              // Lines stay where they are: a finding names the line of the file.
              await writeFile(path, parts[way]);
              return path;
            }),
          );
        }),
      );
      const paths = written.flat();
      const result = await exec(tools.path('squawk'), ['--assume-in-transaction', '--reporter', 'json', ...paths]);
      if (result.code > 1) throw new Error(`squawk ended with exit code ${result.code}: ${lastLines(result)}`);
      const violations = reported.parse(JSON.parse(result.stdout)).map(({ file, line, message, help, rule_name }) => ({
        file: files.find((each) => basename(each) === basename(file)) ?? file,
        way: file.startsWith(join(directory, 'down')) ? ('down' as const) : ('up' as const),
        line: line + 1,
        rule: rule_name,
        message,
        help,
      }));
      return { examined: paths.length, facts: { files: files.length, violations, exceptions } };
    } finally {
      await rm(directory, { recursive: true });
    }
  },

  judge: ({ violations, exceptions }) => violations.flatMap((violation) => judgeViolation(violation, exceptions)),

  samples: {
    good: [
      { files: 1, violations: [], exceptions: [] },
      { files: 1, violations: [sample({})], exceptions: [{ file: 'm/2.sql', rule: 'changing-column-type' }] },
      { files: 1, violations: [sample({ way: 'down', rule: 'ban-drop-table' })], exceptions: [] },
    ],
    bad: [
      { files: 1, violations: [sample({})], exceptions: [] },
      { files: 1, violations: [sample({ way: 'down' })], exceptions: [] },
      { files: 1, violations: [sample({ rule: 'ban-drop-table', help: null })], exceptions: [] },
    ],
  },

  /** The newest migration rewrites a table under the strongest of locks. */
  async sabotage({ config, scratch }) {
    const newest = (await scratch.files(config.database.migrations)).at(-1);
    if (newest === undefined) throw new Error(`${config.database.migrations} names no file`);
    const { up, down } = partsOf(await scratch.read(newest));
    const rewrite = 'ALTER TABLE public.carts ALTER COLUMN id TYPE bigint;';
    await scratch.write(newest, `${up.trimEnd()}\n${rewrite}\n\n${down.trimStart()}`);
    return undefined;
  },
});

function judgeViolation(violation: Violation, exceptions: Facts['exceptions']): Finding[] {
  const { file, way, line, rule, message, help } = violation;
  if (excluded[way].includes(rule)) return [];
  if (exceptions.some((exception) => exception.file === file && exception.rule === rule)) return [];
  const fix = help === null ? {} : { fix: `${help} (https://squawkhq.com/docs/${rule})` };
  return [
    { message: `its way ${way}: ${message} (${rule})`, file, line, identity: `${way} ${rule} ${message}`, ...fix },
  ];
}

function sample(change: Partial<Violation>): Violation {
  const message = 'Changing a column type requires an ACCESS EXCLUSIVE lock';
  return {
    file: 'm/2.sql',
    way: 'up',
    line: 3,
    rule: 'changing-column-type',
    message,
    help: 'Add a column',
    ...change,
  };
}
