import type { Drill } from '../engine/gate.ts';

/** Every drill. Each has the target to itself. */
export const drills: readonly Drill[] = [];
