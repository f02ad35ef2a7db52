import type { Drill } from '../engine/gate.ts';
import backendKilledMidOrder from './backend-killed-mid-order.ts';
import targetRecovers from './target-recovers.ts';

/** Every drill. Each has the target to itself. */
export const drills: readonly Drill[] = [backendKilledMidOrder, targetRecovers];
