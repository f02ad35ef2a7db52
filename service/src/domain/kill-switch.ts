/** ACTIVE: trading is on. REDUCING and HALTED: no new order is taken. Fills of resting orders go on in every state. */
export const KILL_SWITCH_STATES = ['ACTIVE', 'REDUCING', 'HALTED'] as const;
export type KillSwitchState = (typeof KILL_SWITCH_STATES)[number];

/** The switch as it stands. */
export interface KillSwitch {
  readonly state: KillSwitchState;
  readonly reason: string;
  readonly changedBy: string;
  /** RFC 3339, UTC, microseconds. */
  readonly changedAt: string;
  /** Grows by one with every change. */
  readonly version: number;
}

/** Longest reason and author that the table takes. */
export const KILL_SWITCH_REASON_MAX = 500;
export const KILL_SWITCH_AUTHOR_MAX = 200;
