/** Commands that put a filter on and take it off, and find images by their id. */

import { postArrays } from "../api/client";
import { atlas } from "../state/atlas.svelte";
import { allows, conditionOn, toggleValue, withCondition, withoutField, type Condition } from "../state/conditions";
import type { Rows } from "../state/rows";
import { loadGallery, openQueue } from "./gallery";
import { cancelReclustering } from "./grouping";

/** Puts a filter on, in place of the one before; gallery, map, groups and what a key does follow it. */
export async function setFilter(conditions: readonly Condition[]): Promise<void> {
  const { data, view } = atlas;
  if (!data) return;
  const had = data.filter.on;
  await data.filter.set(data, conditions);
  const { n, on } = data.filter;
  if (on || had)
    atlas.announcement = on ? `The filter leaves ${n.toLocaleString("en")} images` : "The filter is off: all images";
  view.picks.clear();
  const { task } = view;
  // An audit is of all images: a filter would bias it.
  if (task?.kind === "audit") return;
  if (task?.kind === "queue" || task?.kind === "pages") {
    await openQueue(task.name);
    return;
  }
  if (task?.kind === "recluster") await cancelReclustering();
  view.task = null;
  view.cursor = 0;
  await loadGallery();
}

export function setCondition(condition: Condition): Promise<void> {
  return setFilter(withCondition(atlas.data!.filter.conditions, condition));
}

export function removeCondition(field: string): Promise<void> {
  return setFilter(withoutField(atlas.data!.filter.conditions, field));
}

/**
 * Leaves only the images with a value, or those without one (null); with `add`, these too. If they are the only ones
 * already, takes the condition off.
 */
export async function onlyValue(field: string, value: string | null, add: boolean): Promise<void> {
  const { conditions } = atlas.data!.filter;
  const before = conditionOn(conditions, field);
  const only = toggleValue({ field }, value);
  const isOnly = allows(before, value) && (before?.values?.length ?? 0) + (before?.missing ? 1 : 0) === 1;
  if (add) await setCondition(toggleValue(before ?? { field }, value));
  else if (isOnly) await removeCondition(field);
  else await setCondition(only);
}

/** Takes images out of the gallery that do not pass the filter any more, after their class or state has changed. */
export function pruneGallery(): void {
  const { data, view } = atlas;
  if (!data || view.task || view.gallery.loading) return;
  const { rows, total } = view.gallery;
  const left = data.filter.keep(rows);
  if (left.length === rows.length) return;
  view.gallery = { ...view.gallery, rows: left, total: total - (rows.length - left.length) };
  view.cursor = Math.max(0, Math.min(view.cursor, left.length - 1));
}

export interface FoundIds {
  rows: Rows;
  total: number;
  /** Number of images with the text that the filter hides. */
  hidden: number;
  /** The first ids. */
  ids: string[];
}

/** Searches the ids of the images that the filter leaves, whatever the capitals. */
export async function searchIds(text: string, signal?: AbortSignal): Promise<FoundIds> {
  const data = atlas.data!;
  const body = { text, where: data.filter.conditions };
  const { header, arrays } = await postArrays(`${data.path}/find`, body, signal);
  return {
    rows: arrays["rows"] as Rows,
    total: header["total"] as number,
    hidden: header["hidden"] as number,
    ids: header["ids"] as string[],
  };
}

/** Shows the images with a text in their id, that of this id first. */
export async function findById(text: string): Promise<void> {
  const { view } = atlas;
  const { rows, total, hidden } = await searchIds(text);
  const beyond = hidden ? `; the filter hides ${hidden.toLocaleString("en")} more` : "";
  if (rows.length < total)
    atlas.notify(`The first ${rows.length.toLocaleString("en")} of ${total.toLocaleString("en")}`);
  atlas.announcement = `${total.toLocaleString("en")} images with “${text}” in their id${beyond}`;
  view.setTarget({ kind: "rows", rows, title: `Ids with “${text}”${beyond}`, ordered: true, link: `find:${text}` });
  view.inspected = rows[0] ?? -1;
  await loadGallery();
}
