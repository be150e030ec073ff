/** The places of values and brushes in a histogram whose bins are of equal width, perhaps on a logarithmic scale. */

export interface Bins {
  edges: readonly number[];
  scale: "linear" | "log";
}

/** Returns where a value lies, 0 at the lowest edge and 1 at the highest; never beyond. */
export function placeOf(value: number, { edges, scale }: Bins): number {
  const [low, high] = [edges[0], edges[edges.length - 1]];
  if (scale === "log" && value <= 0) return 0;
  const share = scale === "log" ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low || 1);
  return Math.max(0, Math.min(1, share));
}

/**
 * Returns the range of a brush from one place to another, widened to whole bins; an end at the end of the histogram is
 * open, so that rounding never cuts off the smallest or the largest value.
 */
export function rangeOf(from: number, to: number, { edges }: Bins): { low?: number; high?: number } {
  const n = edges.length - 1;
  const [a, b] = from < to ? [from, to] : [to, from];
  const first = Math.max(0, Math.min(n - 1, Math.floor(a * n + 1e-9)));
  const last = Math.max(first + 1, Math.min(n, Math.ceil(b * n - 1e-9)));
  const range: { low?: number; high?: number } = {};
  if (first > 0) range.low = Number(edges[first].toPrecision(6));
  if (last < n) range.high = Number(edges[last].toPrecision(6));
  return range;
}
