import type { CheckResult, Outcome, Report } from '../../src/engine/report.ts';
import { reachVerdict } from '../../src/engine/verdict.ts';
import type { PastRun } from '../../src/io/history.ts';
import type { Setting } from '../../src/reporters/setting.ts';

/** Every way that we know to break out of a text into what surrounds it. */
export const hostile = [
  '</script><img src=x onerror=globalThis.pwned=1><script>globalThis.pwned=2</script>',
  "\"><svg onload=globalThis.pwned=3> ' onmouseover=globalThis.pwned=4 '",
  'a\u202egnp.exe\u2066 is not what it looks like',
  '$' + '{globalThis.pwned=5} $' + '(id) `id` {{7*7}}',
  ']]> <!-- --> <![CDATA[ &lt; &#x3c; \u0000\u001b[31m\ufffe\ud800 |\t| ```',
  '::error file=a.ts::planted\n::stop-commands::x\r\n##[error]planted',
  'javascript:globalThis.pwned=6 [a](javascript:alert(1)) ![b](https://example.invalid/leak) @everyone',
].join('\n');

const hugeMessage = `huge ${'x'.repeat(100_000)}`;

let startedAtMs = 0;

function result(id: string, outcome: Outcome, change: Partial<CheckResult> = {}): CheckResult {
  const made: CheckResult = {
    ...{ id, kind: 'gate', severity: 'blocker', outcome, examined: 3, unit: 'files', findings: [], facts: null },
    ...{ startedAtMs, durationMs: 1_250, covers: [] },
    ...change,
  };
  startedAtMs += 400;
  return made;
}

function finding(message: string, change: Partial<CheckResult['findings'][number]> = {}) {
  return { message, fingerprint: 'a1b2c3d4e5f60718', fix: 'Mend it.', ...change };
}

const latency = {
  title: 'http_req_duration',
  unit: 'ms',
  points: [
    { label: 'min', value: 1.52 },
    { label: 'med', value: 4.87 },
    { label: 'p(90)', value: 11.2 },
    { label: 'p(95)', value: 24.61, bound: 20 },
    { label: 'max', value: 51.33 },
  ],
};

const growth = {
  ...{ title: 'heap after collection', unit: 'MB', form: 'line', bound: 180 },
  points: Array.from({ length: 60 }, (_, minute) => ({
    label: `${minute} min`,
    value: 120 + minute * 0.35 + (minute % 7) * 2,
  })),
};

function everyResult(): CheckResult[] {
  startedAtMs = 0;
  return [
    result('code/types-check', 'pass', { examined: 311, covers: ['code.types'], facts: { files: ['a.ts', 'b.ts'] } }),
    result('secrets/no-secret-in-tree', 'fail', {
      findings: [
        finding('looks like a secret, by the rule github-pat', { file: 'deploy/production.env', line: 2 }),
        finding(hostile, { file: 'deploy/a b,c:%—d.env', line: 7, fingerprint: 'ffffffffffffffff', fix: hostile }),
      ],
      facts: { hostile, [hostile]: 1 },
    }),
    result('database/foreign-keys-are-indexed', 'fail', { severity: 'warning', findings: [finding(hugeMessage)] }),
    result('load/placement-meets-its-latency', 'fail', {
      ...{ unit: 'requests', examined: 1_002, durationMs: 10_300, waitedForStackMs: 3_100 },
      findings: [finding('http_req_duration is not p(95)<20', { file: 'loadtests/placement.ts' })],
      facts: { charts: [latency, growth, { title: 'no chart' }] },
    }),
    result('http/health-answers', 'error', { examined: 0, findings: [finding('could not finish looking: refused')] }),
    result('runbooks/scripts-are-sound', 'not-run', { examined: 0, missing: ['shellcheck: `make setup` installs it'] }),
    result('ci/zizmor', 'not-run', { severity: 'advisory', examined: 0, missing: ['zizmor'] }),
    result('supply-chain/pinned', 'waived', {
      findings: [finding('left-pad is not pinned', { file: 'package.json', line: 12 })],
      waiver: { reason: 'gone with the next release', owner: 'ada', approver: 'grace', expires: '2026-06-20' },
    }),
    result('drills/backend-killed-mid-order', 'pass', {
      kind: 'drill',
      unit: 'orders',
      examined: 289,
      takenUp: { lookedAt: '2026-06-14T09:00:00.000Z' },
    }),
  ];
}

/** A run with every outcome, of which some texts are hostile. */
export function sampleReport(change: Partial<Report> = {}): Report {
  const results = everyResult();
  const governance = ['the waiver of a/b expired on 2026-06-01: mend what it waives, or have it approved anew'];
  return {
    ...{ profile: 'commit', commit: 'c0ffee'.repeat(6).padEnd(40, '0'), dirty: true, configHash: 'ab'.repeat(32) },
    ...{ startedAt: '2026-06-15T12:00:00.250Z', finishedAt: '2026-06-15T12:00:41.250Z' },
    tools: { node: '26.10.0', git: '2.39.5' },
    results,
    governance,
    leftOut: [
      { id: 'release/window-is-open', reason: 'profile' },
      { id: 'load/soak', reason: 'skip' },
    ],
    checklist: {
      itemsCovered: ['code.types'],
      boxes: { boxes: 692, answered: 61, executable: 210, signOff: 120, planned: 280, notApplicable: 82 },
      failed: [{ id: 'release.window', severity: 'blocker', planned: 'release/window-is-open' }],
    },
    ...reachVerdict(results, governance),
    ...change,
  };
}

/** A run of which nothing stands in the way. */
export function goReport(): Report {
  const results = everyResult().filter(({ outcome }) => outcome === 'pass');
  const checklist = { ...sampleReport().checklist, failed: [] };
  return sampleReport({ results, governance: [], leftOut: [], checklist, ...reachVerdict(results, []) });
}

/** Twelve earlier runs: the first went well, then a failure came and went. */
export function sampleHistory(): PastRun[] {
  return Array.from({ length: 12 }, (_, index): PastRun => {
    const bad = index % 5 === 3;
    const results = everyResult().map(({ id, durationMs }, at) => {
      const outcome: Outcome = bad && at === 1 ? 'fail' : at === 4 && index > 8 ? 'error' : 'pass';
      return { id, outcome, durationMs };
    });
    const day = String(index + 1).padStart(2, '0');
    return {
      ...(bad ? { verdict: 'NO-GO', exitCode: 1 } : { verdict: 'GO', exitCode: 0 }),
      ...{ profile: 'commit', commit: `${index}`.repeat(40).slice(0, 40), dirty: false, results },
      ...{ startedAt: `2026-06-${day}T09:30:00.000Z`, finishedAt: `2026-06-${day}T09:30:38.500Z` },
    };
  });
}

export function settingFor(report: Report, change: Partial<Setting> = {}): Setting {
  const described = report.results.map(({ id }) => {
    const [why, fix] = ['A secret in a file is known to all who can read it.', 'Revoke it first.'];
    return [id, { id, why, fix, source: 'https://example.com/why', needs: [] }] as const;
  });
  return { colour: false, described: new Map(described), history: [], ...change };
}
