import { parseArgs } from 'node:util';
import { createCommandPool, EXIT_FAILED, runCommand } from './command.ts';
import { loadCommandConfig } from './config.ts';
import { type AuditedInvariant, auditBooks } from './db/audit.ts';

const USAGE = `Usage: node service/src/audit.ts [--json]

Asks every invariant of the books of one moment of the database, and says how many rows each looked at. It changes nothing.

  holds    rows were looked at, and none breaks it
  BROKEN   with the first rows that break it
  nothing  no row was there to look at: neither shown nor refuted

  --json   one object, for programs

Environment: DATABASE_URL. Exit codes: 0 none is broken, 1 broken or failed to look, 2 usage, 78 environment.`;

/** A question may read every order that there ever was. */
const STATEMENT_TIMEOUT_MS = 600_000;

/** What an audit says of one invariant. `nothing` is no pass. */
export type Verdict = 'holds' | 'broken' | 'nothing';

/** Rows that break it count even where none was expected. */
export function verdictOf({ looksAt, violations }: Pick<AuditedInvariant, 'looksAt' | 'violations'>): Verdict {
  if (violations > 0) {
    return 'broken';
  }
  return looksAt > 0 ? 'holds' : 'nothing';
}

function line(audited: AuditedInvariant): string {
  const verdict = verdictOf(audited);
  const word = { holds: 'holds  ', broken: 'BROKEN ', nothing: 'nothing' }[verdict];
  const broken = verdict === 'broken' ? `, ${audited.violations} break it` : '';
  const examples = audited.examples.map((example) => `\n           ${example}`).join('');
  return `  ${word}  ${audited.name}: ${audited.looksAt} rows looked at${broken}${examples}\n`;
}

function summary(audited: readonly AuditedInvariant[]): string {
  const count = (verdict: Verdict): number => audited.filter((each) => verdictOf(each) === verdict).length;
  const rows = audited.reduce((sum, { looksAt }) => sum + looksAt, 0);
  return `${audited.length} invariants, ${rows} rows: ${count('holds')} hold, ${count('broken')} broken, ${count('nothing')} with nothing to look at\n`;
}

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean', default: false } } });
  const config = loadCommandConfig();
  const pool = createCommandPool(config.databaseUrl, 'audit', STATEMENT_TIMEOUT_MS);
  try {
    const audited = await auditBooks(pool);
    const broken = audited.some((each) => verdictOf(each) === 'broken');
    const invariants = audited.map((each) => ({ ...each, verdict: verdictOf(each) }));
    process.stdout.write(
      values.json
        ? `${JSON.stringify({ ok: !broken, invariants })}\n`
        : `${audited.map(line).join('')}${summary(audited)}`,
    );
    process.exitCode = broken ? EXIT_FAILED : 0;
  } finally {
    await pool.end();
  }
}

if (import.meta.main) {
  await runCommand(USAGE, main);
}
