/** `90 min` or `26.5 h`: one figure, as people say it. */
export function spelt(ms: number): string {
  const minutes = ms / 60_000;
  if (minutes < 120) return `${Math.round(minutes)} min`;
  return `${Math.round(minutes / 6) / 10} h`;
}
