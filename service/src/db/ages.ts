/**
 * How long ago a time was, in seconds, by the clock of the database. A clock that was set back must not make anything younger
 * than new: what is never negative needs no second look by an alert. NULL where the time is.
 */
export const secondsSince = (time: string): string =>
  `CASE WHEN ${time} IS NOT NULL THEN greatest(0, extract(epoch FROM clock_timestamp() - ${time})) END::float8`;

/**
 * When an order changes: now, and never before its last change. A clock that was set back would have it filled before it was
 * placed, and its events would tell another order of things than their versions.
 */
export const changedAt = (order: string): string => `greatest(now(), ${order}.updated_at)`;
