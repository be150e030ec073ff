/** Which points are dim, bright or highlighted; none is ever hidden. */

import type { RunData } from "../state/data.svelte";
import type { Target } from "../state/target";
import { targetRows } from "../state/target";

const EXCLUDED = 4;

export function pointFlags(
  data: RunData,
  target: Target,
  picks: Iterable<number>,
  focus: Iterable<number> | null,
): Uint8Array {
  const flags = new Uint8Array(data.count);
  if (focus) {
    for (const row of focus) flags[row] = 1;
  } else if (target.kind === "all") {
    for (let row = 0; row < data.count; row++)
      flags[row] = data.states[row] === EXCLUDED || !data.filter.passes(row) ? 0 : 1;
  } else {
    const rows = targetRows(target, data);
    for (let i = 0; i < rows.length; i++) flags[rows[i]] = 1;
  }
  for (const row of picks) flags[row] = 2;
  return flags;
}
