/** What images can be filtered by: fetched once a run. */

import { getJson } from "../api/client";
import type { FieldInfo } from "../api/types";
import type { RunData } from "../state/data.svelte";

const BUILT_IN: Record<string, string> = {
  looked_at: "Looked at",
  state: "State",
  class: "Class",
  group: "Group",
  prediction: "Predicted class",
  certainty: "Certainty",
  id: "Id",
  text: "Any text",
};

const fields = new WeakMap<RunData, Promise<FieldInfo[]>>();

export function readFields(data: RunData): Promise<FieldInfo[]> {
  let known = fields.get(data);
  if (!known) {
    known = getJson<FieldInfo[]>(`${data.path}/fields`);
    known.catch(() => fields.delete(data));
    fields.set(data, known);
  }
  return known;
}

export function fieldTitle(data: RunData, field: string): string {
  const name = field.replace(/^column:/, "");
  return (
    BUILT_IN[field] ?? (data.run.columns.find((column) => column.name === name)?.title || name.replaceAll("_", " "))
  );
}
