import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';

interface Facts {
  checksums: string;
  /** Each file with the sum that it has, and the one that is written down; null: none is. */
  files: { file: string; is: string; was: string | null }[];
  /** Written down, and not there any more. */
  gone: string[];
}

export default defineGate<Facts>({
  id: 'database/applied-migrations-are-unchanged',
  severity: 'blocker',
  profile: 'static',
  needs: ['config:migrations'],
  covers: ['db.migrations.unchanged'],
  unit: 'migrations',
  why: 'A migration runs once. Whoever changes it after it has been applied changes what new databases become, and no old one: the two drift apart, and every test runs on a new one.',
  fix: 'Take the change back, and make it in a further migration.',
  source: 'https://documentation.red-gate.com/flyway/flyway-concepts/migrations/versioned-migrations',
  files: (config) => [config.database.migrations, ...(config.migrations ? [config.migrations.checksums] : [])],

  async observe({ config, tree }) {
    const { checksums } = partOf(config, 'migrations');
    const written = readSums(await tree.read(checksums), checksums);
    const files = await Promise.all(
      (await tree.files(config.database.migrations)).map(async (file) => {
        const is = createHash('sha256')
          .update(await tree.read(file))
          .digest('hex');
        return { file, is, was: written.get(basename(file)) ?? null };
      }),
    );
    const present = new Set(files.map(({ file }) => basename(file)));
    const gone = [...written.keys()].filter((name) => !present.has(name));
    return { examined: files.length, facts: { checksums, files, gone } };
  },

  judge: ({ files, gone, checksums }) => [
    ...files.flatMap((each) => judgeFile(each, checksums)),
    ...gone.map((name) => ({
      message: `${name} stands in ${checksums}, and is gone: databases that have it cannot go back`,
      file: checksums,
      identity: name,
      fix: `git log --diff-filter=D -- '*${name}' tells when: bring it back.`,
    })),
  ],

  samples: {
    good: [{ checksums: 'm/sums', files: [{ file: 'm/1.sql', is: 'ab', was: 'ab' }], gone: [] }],
    bad: [
      { checksums: 'm/sums', files: [{ file: 'm/1.sql', is: 'ab', was: 'cd' }], gone: [] },
      { checksums: 'm/sums', files: [{ file: 'm/1.sql', is: 'ab', was: null }], gone: [] },
      { checksums: 'm/sums', files: [{ file: 'm/2.sql', is: 'ab', was: 'ab' }], gone: ['1.sql'] },
    ],
  },

  async sabotage({ config, scratch }) {
    const [first] = await scratch.files(config.database.migrations);
    if (first === undefined) throw new Error(`${config.database.migrations} names no file`);
    await scratch.write(first, `${await scratch.read(first)}\n-- one more comment\n`);
    return undefined;
  },
});

/** @throws for a line that is none of `sha256sum`: a sum that is not read would not be compared. */
function readSums(text: string, file: string): Map<string, string> {
  return new Map(
    text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => {
        const [, sum, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
        if (sum === undefined || name === undefined)
          throw new Error(`${file} holds a line that is no checksum: ${line}`);
        return [basename(name), sum];
      }),
  );
}

function judgeFile({ file, is, was }: Facts['files'][number], checksums: string): Finding[] {
  if (was === is) return [];
  if (was !== null) {
    return [
      { message: `${file} is not what it was when it was written down in ${checksums}`, file, identity: 'changed' },
    ];
  }
  const message = `${file} does not stand in ${checksums}`;
  return [
    {
      message,
      file,
      identity: 'unknown',
      fix: `When it is done, write it down: sha256sum ${file} >> ${checksums}`,
    },
  ];
}
