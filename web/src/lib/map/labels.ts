/** The labels of the map: each at the most typical image of its group or class. */

import type { RunData } from "../state/data.svelte";
import type { Colouring } from "../state/view.svelte";
import { groupTitle } from "../state/target";
import type { Label } from "./overlay";

export function labelsFor(data: RunData, colouring: Colouring): Label[] {
  const byClass = colouring === "class" || colouring === "prediction";
  const labels: Label[] = [];
  const named = new Set<number>();
  for (const { group, size, medoid } of data.groupTable) {
    if (group < 0) continue;
    const id = data.counts.groups.get(group)?.class ?? 0;
    const name = data.classOf(id)?.name;
    if (byClass) {
      // The table is sorted by size: a class is labelled at its largest group.
      if (!name || named.has(id)) continue;
      named.add(id);
      labels.push({ row: medoid, text: name, weight: size });
    } else if (colouring === "group") {
      labels.push({ row: medoid, text: name ? `${name} (group ${group})` : groupTitle(group), weight: size });
    }
  }
  return labels.sort((a, b) => b.weight - a.weight);
}
