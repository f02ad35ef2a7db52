import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { defineGate } from '../../engine/gate.ts';
import type { Report } from '../../engine/report.ts';
import { type Verification, verifyEvidence } from '../../evidence/verify.ts';
import { writeEvidence } from '../../evidence/write.ts';
import { configHashOf } from '../../io/config-files.ts';
import { headOf } from '../../io/tree.ts';
import { evidenceDirectories } from '../../maintenance/done.ts';

interface Facts {
  commit: string;
  /** Where evidence was looked for. */
  homes: readonly string[];
  /** What each run has left, the newest last, and why it does not answer for this commit. */
  runs: { directory: string; refusals: string[] }[];
}

const good: Facts = { commit: 'c0ffee', homes: ['evidence'], runs: [{ directory: 'evidence/one', refusals: [] }] };
const configFile = 'preflight.config.ts';
const maxAgeMs = 86_400_000;

export default defineGate<Facts>({
  id: 'governance/evidence-is-of-this-commit',
  severity: 'blocker',
  profile: 'release',
  needs: ['git'],
  covers: ['approval.checklist-executed'],
  unit: 'places and runs',
  why: "A release is judged by what was seen of it: evidence of yesterday's commit says nothing of the one that goes live.",
  fix: 'Run `npx preflight run` on a clean checkout of this commit, or unpack its evidence into a directory of governance.evidence.',
  source: 'https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md',

  async observe({ config, tree }) {
    const homes = config.governance.evidence;
    const { commit } = await headOf(tree.root);
    const policy = {
      root: tree.root,
      commit,
      configHash: await configHashOf(tree.root, configFile),
      requireSignature: false,
    };
    const runs: Facts['runs'] = [];
    for (const directory of await evidenceDirectories(tree.root, homes)) {
      const asked = { ...policy, profile: 'commit', maxAgeMs, now: new Date() } as const;
      const { refusals }: Verification = await verifyEvidence(join(tree.root, directory), asked);
      runs.push({ directory, refusals });
    }
    return { examined: homes.length + runs.length, facts: { commit, homes, runs } };
  },

  judge({ commit, homes, runs }) {
    if (runs.some(({ refusals }) => refusals.length === 0)) return [];
    const last = runs.at(-1);
    const why = last
      ? `the last, ${last.directory}, is refused: ${last.refusals.join('; ')}`
      : `${homes.join(', ')} has none`;
    return [
      { message: `no run of profile commit shows that ${commit.slice(0, 12)} is GO: ${why}`, identity: 'evidence' },
    ];
  },

  samples: {
    good: [good, { ...good, runs: [...good.runs, { directory: 'evidence/two', refusals: ['not GO'] }] }],
    bad: [
      { ...good, runs: [] },
      { ...good, runs: [{ directory: 'evidence/one', refusals: ['another commit'] }] },
    ],
  },

  /** Evidence of a GO of the copy's commit, in the copy alone. */
  async prepare({ scratch, config }) {
    const home = '.preflight/proving';
    const before = config.governance.evidence;
    config.governance.evidence = [home];
    const { commit } = await headOf(scratch.root);
    const report = goOf(commit, await configHashOf(scratch.root, configFile));
    await writeEvidence({ report, directory: join(scratch.root, home, 'one'), configFile });
    return async () => {
      config.governance.evidence = before;
      await rm(join(scratch.root, home), { recursive: true, force: true });
    };
  },

  async sabotage({ scratch }) {
    await scratch.commit('a change after the run');
    return undefined;
  },
});

function goOf(commit: string, configHash: string): Report {
  const at = new Date().toISOString();
  const boxes = { boxes: 0, answered: 0, executable: 0, signOff: 0, planned: 0, notApplicable: 0 };
  return {
    ...{
      verdict: 'GO',
      exitCode: 0,
      profile: 'commit',
      commit,
      dirty: false,
      configHash,
      startedAt: at,
      finishedAt: at,
    },
    ...{ tools: {}, results: [], governance: [], leftOut: [], checklist: { itemsCovered: [], boxes, failed: [] } },
  };
}
