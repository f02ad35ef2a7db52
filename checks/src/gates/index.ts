import type { Gate } from '../engine/gate.ts';
import requiredIndexesExist from './database/required-indexes-exist.ts';

/** Every gate, by area and then by the order in which a reader would ask. Disturbing gates come last within a run by themselves. */
export const gates: readonly Gate[] = [requiredIndexesExist];
