import type { Item } from '../checklist/item.ts';
import { checklistOfRun } from '../checklist/of-run.ts';
import type { Config } from '../config.ts';
import { configHashOf } from '../io/config-files.ts';
import { type ToolName, type Tools, toolNames } from '../io/tools.ts';
import { headOf } from '../io/tree.ts';
import type { Check, Profile } from './gate.ts';
import { needStack } from './needs.ts';
import type { CheckResult, Report } from './report.ts';
import type { Severity } from './severity.ts';
import type { SignedOff } from './signoff-faults.ts';
import { reachVerdict } from './verdict.ts';
import { budgetFaults, refusedWaivers, type WaiverPolicy } from './waiver-policy.ts';
import { applyWaivers, ledgerFaults, type Waiver } from './waivers.ts';

export interface Judgement {
  root: string;
  tools: Tools;
  configFile: string;
  profile: Profile;
  failOn: Severity;
  waivers: readonly Waiver[];
  governance: Config['governance'];
  /** Who wrote an entry of the ledger, by git. */
  authorsOf: WaiverPolicy['authorsOf'];
  /** Only a release asks people. */
  signedOff?: SignedOff;
  /** Every check that there is, and those that this run looked at. */
  all: readonly Check[];
  ran: readonly Check[];
  /** Of the readiness checklists. */
  items: readonly Item[];
  results: readonly CheckResult[];
  leftOut: Report['leftOut'];
  startedAt: Date;
  finishedAt: Date;
}

/** Everything that was seen → the report with its verdict. */
export async function judge(run: Judgement): Promise<Report> {
  const { results, governance: ofWaivers } = withWaivers(run);
  const governance = [...ofWaivers, ...(run.signedOff?.faults ?? [])];
  const { commit, dirty } = await headOf(run.root);
  const checklist = checklistOfRun(run.items, run.all, results, run.profile, run.signedOff?.items);
  const withoutAnswer = checklist.failed.map(({ severity }) => ({ severity, outcome: 'fail' as const }));
  return {
    ...reachVerdict([...results, ...withoutAnswer], governance, run.failOn),
    profile: run.profile,
    commit,
    dirty,
    configHash: await configHashOf(run.root, run.configFile),
    startedAt: run.startedAt.toISOString(),
    finishedAt: run.finishedAt.toISOString(),
    tools: await toolVersions(run.ran, run.tools),
    results,
    governance,
    leftOut: run.leftOut,
    checklist,
  };
}

/** What the ledger accepts, and what is wrong with it. An entry that is refused accepts nothing. */
function withWaivers(run: Judgement): Pick<Report, 'results' | 'governance'> {
  const { waivers, governance: rules, authorsOf, all, finishedAt: now } = run;
  const refused = refusedWaivers(waivers, { governance: rules, checks: all, authorsOf });
  const valid = waivers.filter((entry) => !refused.has(entry));
  const results = run.results.map((result) => applyWaivers(result, valid, now));
  const ids = all.map(({ id }) => id);
  const faults = ledgerFaults(valid, ids, results, now);
  return { results, governance: [...refused.values(), ...budgetFaults(waivers, rules), ...faults] };
}

async function toolVersions(checks: readonly Check[], tools: Tools): Promise<Record<string, string>> {
  const needed = checks.flatMap(({ needs }) => needs);
  const stack = needStack(needed) ? stackTools : [];
  const names = toolNames.filter((name) => tools.find(name) && (needed.includes(name) || stack.includes(name)));
  const versions = await Promise.all(names.map(async (name) => [name, await tools.version(name)] as const));
  return { node: process.versions.node, ...Object.fromEntries(versions) };
}

/** What a running stack is made of, beside the tools that gates name. */
const stackTools: readonly ToolName[] = ['postgres', 'redis-server'];
