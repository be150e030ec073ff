/** Commands that change the groups: merge, split, recluster. */

import { getArrays, getJson, postJson, remove } from "../api/client";
import type { Reclustering, SimilarGroup } from "../api/types";
import { atlas } from "../state/atlas.svelte";
import { rowsEqual, type Rows } from "../state/rows";
import { queryOf, targetQuery } from "../state/target";
import { openTarget, openGroup, loadGallery, visitNext } from "./gallery";
import { requireSelection } from "./naming";

export function similarGroups(group: number, k = 8): Promise<SimilarGroup[]> {
  const path = `${atlas.data!.path}/groups/${group}/similar?k=${k}`;
  return getJson<{ groups: SimilarGroup[] }>(path).then(({ groups }) => groups);
}

/** Merges groups into one. */
export async function merge(groups: number[]): Promise<void> {
  if (atlas.data!.filter.on) {
    atlas.notify("Groups are merged whole, with the images that the filter hides: take it off first (shift+F).");
    return;
  }
  const done = await atlas.act({ kind: "merge", groups });
  atlas.view.marked.clear();
  const fresh = done.groups?.[0];
  if (fresh !== undefined) openGroup(fresh);
}

/** Merges the marked groups with the open one; without marked ones, opens the dialog. */
export async function mergeMarked(): Promise<void> {
  const { view } = atlas;
  const here = view.target.kind === "group" ? [view.target.group] : [];
  const groups = [...new Set([...here, ...view.marked])];
  if (groups.length >= 2) await merge(groups);
  else if (groups.length === 1) view.prompt = "merge";
  else atlas.notify("Open a group first, then mark others (ctrl+click, or m) to merge them.");
}

/** Splits the selected images off their group; without a selection, the part is drawn by lasso. */
export async function splitSelection(): Promise<void> {
  const { view } = atlas;
  const { target } = view;
  if (view.picks.size > 0) await split([...view.picks]);
  else if (target.kind === "rows") await split(atlas.data!.filter.keep(target.rows));
  else if (target.kind === "group") {
    view.splitting = target.group;
    view.tool = "lasso";
    atlas.notify(`Draw around the part of group ${target.group} that shall leave it. Esc cancels.`);
  } else atlas.notify("Open a group first, or choose images to take out.");
}

/** Splits rows off their group if they have the same one; otherwise they become a new group. */
export async function split(rows: ArrayLike<number>): Promise<void> {
  const data = atlas.data!;
  if (rows.length === 0) {
    atlas.notify("There is no image in it.");
    return;
  }
  const group = data.groups[rows[0]];
  let one = true;
  for (let i = 1; i < rows.length; i++) one &&= data.groups[rows[i]] === group;
  const of = queryOf(rows, data.count);
  const done = await atlas.act(one && group >= 0 ? { kind: "split", group, of } : { kind: "split", of });
  atlas.view.splitting = null;
  atlas.view.picks.clear();
  // The part that was split off comes first.
  const part = data.groups[rows[0]];
  await openNewGroups([part, ...(done.groups ?? []).filter((fresh) => fresh !== part)]);
}

/** Splits the rows of a lasso off the group that is being split. */
export async function splitByLasso(found: Rows): Promise<void> {
  const { data, view } = atlas;
  const group = view.splitting;
  if (!data || group === null) return;
  const part = found.filter((row) => data.groups[row] === group);
  const size = rowsEqual(data.groups, group).length;
  if (part.length === 0 || part.length === size) {
    atlas.notify(part.length ? `That is all of group ${group}: draw a part.` : `No image of group ${group} is in it.`);
    return;
  }
  view.tool = "move";
  await split(part);
}

/** Starts a preview of a reclustering of the selection; nothing is changed before it is accepted. */
export async function recluster(k: number | null = null): Promise<void> {
  const { data, view } = atlas;
  if (!data || (view.task?.kind !== "recluster" && view.target.kind !== "class" && !requireSelection())) return;
  const of = view.picks.size > 0 ? queryOf([...view.picks], data.count) : targetQuery(view.target, data);
  const { job } = await postJson<{ job: string }>(`${data.path}/reclusterings`, { of, k });
  const waiting: Reclustering = {
    status: "working",
    error: null,
    n: 0,
    k: k ?? 0,
    silhouette: null,
    parts: [],
    revision: data.revision,
  };
  view.task = { kind: "recluster", job, status: waiting, done: 0 };
  await atlas.job(job, ({ done }) => {
    if (view.task?.kind === "recluster" && view.task.job === job) view.task = { ...view.task, done };
  });
  if (view.task?.kind !== "recluster" || view.task.job !== job) return;
  const status = await getJson<Reclustering>(`${data.path}/reclusterings/${job}`);
  view.task = { kind: "recluster", job, status, done: 1 };
  if (status.status === "failed") {
    atlas.notify(status.error ?? "It could not be re-clustered.", "error");
    view.task = null;
  }
}

/** Fetches the part of each row in a preview. */
export async function previewParts(job: string): Promise<Map<number, number>> {
  const { arrays } = await getArrays(`${atlas.data!.path}/reclusterings/${job}/parts`);
  const parts = arrays["part"];
  const found = new Map<number, number>();
  arrays["rows"].forEach((row, i) => found.set(row, parts[i]));
  return found;
}

export async function acceptReclustering(): Promise<void> {
  const { view } = atlas;
  if (view.task?.kind !== "recluster" || view.task.status.status !== "ready") return;
  const done = await atlas.act({ kind: "recluster", preview: view.task.job });
  view.task = null;
  await openNewGroups(done.groups ?? []);
}

export async function cancelReclustering(): Promise<void> {
  const { data, view } = atlas;
  if (view.task?.kind !== "recluster") return;
  const { job } = view.task;
  view.task = null;
  await remove(`${data!.path}/reclusterings/${job}`);
}

async function openNewGroups(groups: number[]): Promise<void> {
  if (groups.length === 0) {
    await loadGallery();
    return;
  }
  visitNext(groups.slice(1));
  openTarget({ kind: "group", group: groups[0] });
}
