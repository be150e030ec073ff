/** What the values of a field are called on the page. */

import type { RunData } from "../state/data.svelte";
import { groupTitle } from "../state/target";

const STATES: Record<string, string> = { none: "untouched" };

export function valueName(data: RunData, field: string, value: string): string {
  if (field === "group") return groupTitle(Number(value));
  if (field === "class" || field === "prediction") return data.classOf(Number(value))?.name ?? `class ${value}`;
  if (field === "state") return STATES[value] ?? value;
  return value;
}

export function missingName(field: string): string {
  return field === "class" ? "without a name" : field === "prediction" ? "no prediction" : "no value";
}
