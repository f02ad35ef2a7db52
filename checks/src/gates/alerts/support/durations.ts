const units: Readonly<Record<string, number>> = {
  ms: 0.001,
  s: 1,
  m: 60,
  h: 3_600,
  d: 86_400,
  w: 604_800,
  y: 31_536_000,
};

/** `1h30m` in seconds. @throws for what is no length of time of Prometheus. */
export function secondsOf(length: string): number {
  const parts = [...length.matchAll(/(\d+)(ms|[smhdwy])/g)];
  if (length !== '0' && (parts.length === 0 || parts.map(([part]) => part).join('') !== length))
    throw new Error(`${length} is no length of time`);
  return parts.reduce((sum, [, count = '0', unit = 's']) => sum + Number(count) * (units[unit] ?? 0), 0);
}
