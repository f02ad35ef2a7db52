import type { Config } from '../config.ts';
import { type ExecOptions, type ExecResult, exec } from '../io/exec.ts';
import type { Tools } from '../io/tools.ts';
import type { Tree } from '../io/tree.ts';
import type { Sandbox, Target } from '../sandbox/sandbox.ts';
import type { ClearedFiles } from './cleared-files.ts';

/** All that a gate may look at. What it has not declared as a need, it is not given. */
export interface Context {
  readonly config: Config;
  readonly tree: Tree;
  readonly tools: Tools;
  /** What earlier looks of this gate have found nothing in. */
  readonly cleared: ClearedFiles;
  /** The running service and its database. @throws when the gate does not need `target`. */
  readonly target: Target;
  /** The throwaway stack, whose processes may be stopped and broken. @throws when the gate does not need `sandbox`. */
  readonly sandbox: Sandbox;
  /** `--long` is given: a check with a long form takes it. */
  readonly long: boolean;
  /** Fires when the gate's time is up or the run is interrupted. */
  readonly signal: AbortSignal;
  /** Runs a program in the tree's root; ended by the signal. */
  exec(command: string, args: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** One line of progress for whoever watches. */
  progress(message: string): void;
}

export interface ContextParts {
  config: Config;
  tree: Tree;
  tools: Tools;
  cleared: ClearedFiles;
  /** Absent when the gate declares no need of a running stack. */
  sandbox: Sandbox | undefined;
  long: boolean;
  signal: AbortSignal;
  progress(message: string): void;
}

export function createContext(parts: ContextParts): Context {
  const { sandbox, ...rest } = parts;
  const given = (): Sandbox => {
    if (!sandbox) throw new Error('this gate looks at a running stack that it does not declare among its needs');
    return sandbox;
  };
  return {
    ...rest,
    get target() {
      return given();
    },
    get sandbox() {
      return given();
    },
    exec: (command, args, options = {}) =>
      exec(command, args, { cwd: parts.tree.root, env: rest.tools.environment, signal: parts.signal, ...options }),
  };
}
