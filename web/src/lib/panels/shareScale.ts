/** The scale of bars that show shares. */

const ENDS = [0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1];

/** Returns the end of a scale from 0 that holds all shares: so far that they are read well, and a number that is, too. */
export function scaleEnd(shares: readonly (number | null)[]): number {
  const most = Math.max(0, ...shares.map((share) => share ?? 0));
  return ENDS.find((end) => most <= end) ?? 1;
}
