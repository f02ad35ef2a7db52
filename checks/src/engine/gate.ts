import type { Config } from '../config.ts';
import type { Sandbox, Undo } from '../sandbox/sandbox.ts';
import type { Chart } from './chart.ts';
import type { Context } from './context.ts';
import type { Need } from './needs.ts';
import type { Severity } from './severity.ts';

/** Profiles nest: each looks at all that the one before it looks at. A gate belongs to the lowest that can judge it. */
export const profiles = ['static', 'commit', 'release'] as const;
export type Profile = (typeof profiles)[number];

/** One thing that is wrong, where it is, and what would mend it. */
export interface Finding {
  message: string;
  /** Path inside the tree, with `/`. */
  file?: string;
  line?: number;
  /** What makes this finding the same one next week, when lines have moved. Default: its file and message. */
  identity?: string;
  /** Default: the gate's own `fix`. */
  fix?: string;
}

/**
 * What a gate saw. `examined` counts the things (of the gate's `unit`) that it really looked at: zero is never a pass.
 * Facts may offer `charts`, an array of {@link Chart}: percentiles, or a quantity that grows over time. Reports draw them.
 */
export interface Observation<Facts> {
  examined: number;
  facts: Facts;
}

interface Statement<Facts> {
  /** `area/statement`: a sentence that is true or false. It is the file's path and the heading in GATES.md too. */
  readonly id: string;
  readonly severity: Severity;
  readonly profile: Profile;
  /** What must be at hand. An absent need makes the outcome `not-run`, with what is missing. */
  readonly needs: readonly Need[];
  /** Checklist items that a pass answers. */
  readonly covers: readonly string[];
  /** What `examined` counts, in the plural: files, commits, requests. */
  readonly unit: string;
  readonly why: string;
  readonly fix: string;
  readonly source: string;
  /** Words to select by with `--tag`, beside the area, the kind and the severity. */
  readonly tags?: readonly string[];
  /**
   * Globs of the tree's files on which the answer depends: with `--changed` it is left out when none of them has changed, and
   * the pass of a gate that asks no stack and no target is kept until one does. Absent: everything may matter to it.
   */
  readonly files?: readonly string[] | ((config: Config) => readonly string[]);
  /** Of git it reads the commits that refs name, and nothing else: its pass is kept until a ref changes, because a commit never does. */
  readonly readsCommits?: boolean;
  /** Names of things that no two checks may use at once, beside the target, of which `alone` speaks. */
  readonly resources?: readonly string[];
  /** Names of such things that it only relies on: beside others that do so, and never beside one that has them for itself. */
  readonly reliesOn?: readonly string[];
  /** No waiver is accepted of it, whoever approves: what it finds costs money or lets strangers in. */
  readonly unwaivable?: boolean;
  /** It takes minutes: left out, and listed so, unless `--long` is given. */
  readonly long?: boolean;
  /**
   * It measures the machine, or what all that was asked before has left on the stack: it is alone there, on the stack that the
   * others have asked, and nothing else is at work meanwhile.
   */
  readonly measures?: boolean;
  /** Default: 30 s. `--timeout-factor` multiplies it. */
  readonly timeoutMs?: number;
  /** With `--long`, of a check that has a long form too (`context.long`). Default: `timeoutMs`. */
  readonly longTimeoutMs?: number;
  /** Pure: facts in, findings out. An empty list is a pass. */
  judge(facts: Facts): Finding[];
  /** The gate proves its own judgement: no finding for the good, at least one for each of the bad. */
  readonly samples: { readonly good: readonly Facts[]; readonly bad: readonly Facts[] };
  /** Gives the sandbox what this repository has none of, so that the check can be proven here all the same. */
  prepare?(sandbox: Sandbox): Promise<Undo | undefined>;
  /** Breaks a real sandbox, after which the gate must be red; after the undo it must be green again. */
  sabotage(sandbox: Sandbox): Promise<Undo | undefined>;
}

export interface Gate<Facts = unknown> extends Statement<Facts> {
  readonly kind: 'gate';
  /** It disturbs the target (faults, a switch that is thrown, quotes that are set): it has a stack to itself. */
  readonly alone: boolean;
  /** How often at most it looks again after a fail or an error, and why a later pass is true all the same. Each attempt is shown. */
  readonly retry?: { readonly times: 1 | 2 | 3; readonly why: string };
  /** I/O only: looks, counts what it looked at, and judges nothing. */
  observe(context: Context): Promise<Observation<Facts>>;
}

/** What a drill saw, and how much work was in flight at the moment that its fault struck: zero means that it missed. */
export interface Strike<Facts> extends Observation<Facts> {
  struckInFlight: number;
}

/** The end of a drill's fault, by the runbook page that somebody who is on call would open. */
export interface Recovery {
  /**
   * Does what the drill's page says, at the moment at which whoever is on call would: while the fault stands, if it does not
   * go away by itself. What the page leaves broken `otherwise` mends, so that the drill goes on; the page is told as a finding.
   * `struck` is the process of the service that the page is about; default: the target's own.
   * @returns when the last part was up again that the page has started, by `nowMs`; undefined: it started none.
   */
  byThePage(
    otherwise: () => Promise<void>,
    struck?: { readonly url: string; readonly metricsUrl: string },
  ): Promise<number | undefined>;
}

export interface Drill<Facts = unknown> extends Statement<Facts> {
  readonly kind: 'drill';
  /** Throws with the reason when the target is not in its steady state. Asked before the fault and after the undo. */
  steadyState(context: Context): Promise<void>;
  /**
   * Commands that take the fault back, of a drill whose fault outlives it: on a target that is not ours to remove. They are on
   * disk before the fault is struck, and whoever finds them after this program was killed runs them.
   */
  undoCommands?(context: Context): readonly (readonly string[])[];
  /**
   * Puts work in flight, strikes, observes. A fault that does not go away by itself is ended by `recovery`. Of a drill that leaves
   * it alone the page is followed after the strike, before the undo.
   */
  strike(context: Context, recovery: Recovery): Promise<Strike<Facts>>;
  /** Mends what the fault broke. It is called whatever happened, and it may be called twice. */
  undo(context: Context): Promise<void>;
}

export type Check = Gate | Drill;

export function defineGate<Facts>(gate: Omit<Gate<Facts>, 'kind' | 'alone'> & { alone?: boolean }): Gate<Facts> {
  return { ...gate, kind: 'gate', alone: gate.alone ?? gate.measures ?? false };
}

export function defineDrill<Facts>(drill: Omit<Drill<Facts>, 'kind'>): Drill<Facts> {
  return { ...drill, kind: 'drill' };
}

/** The profiles in which a check takes part: its own, and every wider one. */
export function profilesOf(check: Check): Profile[] {
  return profiles.slice(profiles.indexOf(check.profile));
}

/** It looks longer, and at more, when `--long` is given. */
export function hasLongForm(check: Check | undefined): boolean {
  return check?.long === true || check?.longTimeoutMs !== undefined;
}

/** Everything that `--tag` knows a check by. */
export function tagsOf({ id, kind, severity, tags = [] }: Pick<Check, 'id' | 'kind' | 'severity' | 'tags'>): string[] {
  return [...new Set([id.split('/')[0] ?? '', kind, severity, ...tags])];
}
