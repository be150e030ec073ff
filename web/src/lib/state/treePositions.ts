/** The numbers of groups that the slider of a tree stops at. */

const SINGLE = 100;
const STEP = 1.05;

/** Returns all numbers from 2 to 100, then steps of a twentieth, and `most` at the end. */
export function treePositions(most: number): number[] {
  const stops: number[] = [];
  for (let n = 2; n < most; n = n < SINGLE ? n + 1 : Math.ceil(n * STEP)) stops.push(n);
  return most >= 2 ? [...stops, most] : [];
}

/** Returns the index of the stop that is nearest to a number. */
export function nearestPosition(stops: readonly number[], n: number): number {
  let best = 0;
  stops.forEach((stop, i) => {
    if (Math.abs(stop - n) < Math.abs(stops[best] - n)) best = i;
  });
  return best;
}
