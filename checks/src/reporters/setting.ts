import type { Check } from '../engine/gate.ts';
import type { PastRun } from '../io/history.ts';

/** What a check says of itself, for readers who do not know it. */
export type Described = Pick<Check, 'id' | 'why' | 'fix' | 'source' | 'needs'>;

/** What a report may need beside the run itself. */
export interface Setting {
  /** Only where it goes to a terminal. */
  colour: boolean;
  /** Of the checks that ran, by id. */
  described: ReadonlyMap<string, Described>;
  /** Earlier runs, oldest first. */
  history: readonly PastRun[];
}
