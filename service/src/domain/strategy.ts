export const STRATEGY_STATUSES = ['RUNNING', 'STOPPED'] as const;
export type StrategyStatus = (typeof STRATEGY_STATUSES)[number];

/** An automated strategy of an account. None is RUNNING while the kill switch is engaged. Times are RFC 3339 in UTC. */
export interface Strategy {
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  readonly status: StrategyStatus;
  /** Who changed it, or why. */
  readonly statusReason: string;
  readonly statusChangedAt: string;
  readonly createdAt: string;
}
