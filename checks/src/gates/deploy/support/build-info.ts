import { type Config, partOf, type TargetConfig } from '../../../config.ts';
import type { Context } from '../../../engine/context.ts';
import type { Finding } from '../../../engine/gate.ts';
import { lastLines } from '../../../io/exec.ts';
import { send } from '../../../io/http.ts';
import { valuesAt } from './smoke.ts';

/** What one answer said of the build that gave it. */
export interface BuildAnswer {
  commit: string | null;
  configuration: string | null;
  uptimeSeconds: number;
}

/** Behind a balancer each answer may be another replica's: so many are asked, each on a connection of its own. */
const answersAsked = 12;

/** @throws when the target gives no answer, or one without what is asked for: nothing is known then. */
export async function askBuild(
  config: Pick<Config, 'build'>,
  { url }: Pick<TargetConfig, 'url'>,
  signal: AbortSignal,
): Promise<BuildAnswer[]> {
  const build = partOf(config, 'build');
  const ask = async (): Promise<BuildAnswer> => {
    const headers = { connection: 'close' };
    const { status, text } = await send(url, { method: 'GET', path: build.path }, { headers, signal });
    if (status !== 200) throw new Error(`${url}${build.path} answered ${status}`);
    const json = JSON.parse(text) as unknown;
    const [commit] = valuesAt(json, build.commit);
    const [configuration] = valuesAt(json, build.configuration);
    const [uptimeSeconds] = valuesAt(json, build.uptimeSeconds);
    if (typeof uptimeSeconds !== 'number') throw new Error(`${url}${build.path} says no ${build.uptimeSeconds}`);
    return { commit: textOf(commit), configuration: textOf(configuration), uptimeSeconds };
  };
  const answers: BuildAnswer[] = [];
  for (let asked = 0; asked < answersAsked; asked += 1) answers.push(await ask());
  return answers;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Every replica that answered has to be of the commit that is judged. */
export function judgeBuilds(url: string, wanted: string, answers: readonly BuildAnswer[]): Finding[] {
  const others = new Map<string, number>();
  for (const { commit } of answers)
    if (commit !== wanted) others.set(commit ?? 'none', (others.get(commit ?? 'none') ?? 0) + 1);
  return [...others].map(([commit, times]) => ({
    message:
      commit === 'none'
        ? `${url} does not say which commit it runs (${times} of ${answers.length} answers)`
        : `${url} runs ${commit.slice(0, 12)} and not ${wanted.slice(0, 12)} (${times} of ${answers.length} answers)`,
    identity: 'commit',
  }));
}

/** What the target's own environment was judged to be, where it runs. */
export interface Configured {
  exitCode: number;
  /** What its check said was wrong: names and reasons, never values. */
  faults: string[];
  /** Names of the variables that are set. */
  set: string[];
  fingerprint: string | null;
}

const faultsShown = 20;
const checkWithinMs = 60_000;

/** Runs the target's command. @throws when it cannot be run, or succeeds without saying what is set: nothing was seen then. */
export async function askConfiguration(
  { checkConfig }: Pick<TargetConfig, 'checkConfig'>,
  exec: Context['exec'],
): Promise<Configured> {
  const [program, ...args] = checkConfig ?? [];
  if (program === undefined) throw new Error('the target has no checkConfig: nobody can look at its environment');
  const result = await exec(program, args, { timeoutMs: checkWithinMs });
  if (result.timedOut) throw new Error(`${program} did not end within ${checkWithinMs / 1000} s`);
  if (result.code !== 0) {
    const faults = result.stderr.split('\n').filter((line) => /^[A-Z][A-Z0-9_]*: /.test(line));
    // ssh, kubectl and docker have exit codes of their own: without one named variable nobody has judged the environment.
    if (faults.length === 0) throw new Error(`${program} ended with ${result.code}: ${lastLines(result)}`);
    return { exitCode: result.code, faults: faults.slice(0, faultsShown), set: [], fingerprint: null };
  }
  const { set, fingerprint = null } = JSON.parse(result.stdout) as { set?: unknown; fingerprint?: unknown };
  if (!Array.isArray(set)) throw new Error(`${program} does not say which variables are set`);
  return { exitCode: 0, faults: [], set: set.map(String), fingerprint: textOf(fingerprint) };
}

/** Variables that the service cannot do without. */
export function requiredVariables({ service }: Pick<Config, 'service'>): string[] {
  return Object.entries(service.variables).flatMap(([name, { required }]) => (required ? [name] : []));
}

/** The target's environment is right, whole, and the one that its processes run with. */
export function judgeConfiguration(
  { faults, set, fingerprint, exitCode }: Configured,
  required: readonly string[],
  running: readonly (string | null)[],
): Finding[] {
  if (exitCode !== 0) return faults.map((fault) => ({ message: `its environment is refused: ${fault}` }));
  const absent = required.filter((name) => !set.includes(name));
  // Without a fingerprint nothing can be said of what runs: that is no agreement.
  const stale = running.filter((each) => each === null || each !== fingerprint).length;
  return [
    ...absent.map((name) => ({ message: `${name} is not set` })),
    ...(stale > 0
      ? [
          {
            message: `${stale} of ${running.length} answers came from a process with other settings than are configured`,
            identity: 'stale',
            fix: 'Restart the processes: they still run with the settings of before.',
          },
        ]
      : []),
  ];
}
