import { drills } from './drills/index.ts';
import type { Check } from './engine/gate.ts';
import { gates } from './gates/index.ts';

/** Everything that can be judged: gates, then drills. */
export const allChecks: readonly Check[] = [...gates, ...drills];
