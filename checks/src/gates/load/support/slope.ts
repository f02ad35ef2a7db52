export interface Point {
  x: number;
  y: number;
}

/** A line through points by the median of the slopes between each two of them: a few wild points do not move it. */
export interface Slope {
  /** Theil and Sen's estimate, in y per x. */
  perX: number;
  /** A quarter of the slopes are below, and a quarter above. */
  lower: number;
  upper: number;
}

/** @throws for fewer than three points: two always lie on a line. */
export function slopeOf(points: readonly Point[]): Slope {
  if (points.length < 3) throw new Error('a slope needs three points or more');
  const slopes = points
    .flatMap((one, index) =>
      points.slice(index + 1).flatMap((other) => (other.x === one.x ? [] : [(other.y - one.y) / (other.x - one.x)])),
    )
    .sort((one, other) => one - other);
  return { perX: quantile(slopes, 0.5), lower: quantile(slopes, 0.25), upper: quantile(slopes, 0.75) };
}

/** Of a sorted list, between its neighbours. */
function quantile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(place)] ?? 0, sorted[Math.ceil(place)] ?? 0];
  return low + (high - low) * (place - Math.floor(place));
}
