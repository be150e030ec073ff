/** Commands along the tree of groups: choose how many groups, split one in two, merge it with its sibling. */

import { tick } from "svelte";
import { getArrays, getJson } from "../api/client";
import type { GroupTree } from "../api/types";
import { atlas } from "../state/atlas.svelte";
import { openTarget, openGroup } from "./gallery";
import { cancelReclustering, openNewGroups } from "./grouping";

/** Id of the slider. */
export const SLIDER = "tree-groups";

let latest = 0;

/** Fetches what the chosen tree of the run can be cut into; of a run without one, its name is null. */
export async function readTree(): Promise<GroupTree> {
  const { data, view } = atlas;
  const query = view.tree === null ? "" : `?name=${encodeURIComponent(view.tree)}`;
  const tree = await getJson<GroupTree>(`${data!.path}/tree${query}`);
  data!.tree = tree;
  return tree;
}

async function treeName(): Promise<string | null> {
  // One that is known is not asked for again: whoever types fast goes on at once.
  const { tree } = atlas.data!.tree?.tree ? atlas.data!.tree : await readTree();
  const { name } = atlas.data!.run;
  if (tree === null) atlas.notify(`This run has no tree of groups: “facies cut ${name} --groups 20” makes one.`);
  return tree;
}

/** Shows a cut on the map and in numbers; nothing is changed. */
export async function previewCut(n: number): Promise<void> {
  const { data, view } = atlas;
  const request = ++latest;
  if (view.task?.kind === "recluster") await cancelReclustering();
  const name = view.tree === null ? "" : `&name=${encodeURIComponent(view.tree)}`;
  const { header, arrays } = await getArrays(`${data!.path}/tree/cut?groups=${n}${name}`);
  if (request !== latest) return;
  view.cut = {
    n,
    largest: header["largest"] as number,
    smallest: header["smallest"] as number,
    noise: header["noise"] as number,
    parts: arrays["part"] as Uint16Array,
  };
}

/** Forgets the cut that is shown. */
export function leaveCut(): void {
  latest++;
  atlas.view.cut = null;
}

/** Returns whether groups may be changed as a whole. */
function unfiltered(): boolean {
  if (atlas.data!.filter.on) {
    atlas.notify(
      "Along the tree groups change whole, with the images that the filter hides: take it off first (shift+F).",
    );
    return false;
  }
  return true;
}

/** Makes a cut into so many groups. */
export async function makeCut(n: number): Promise<void> {
  const { view } = atlas;
  if (!unfiltered()) return;
  await atlas.act({ kind: "cut_tree", groups: n, tree: view.tree });
  leaveCut();
  view.marked.clear();
  openTarget({ kind: "all" });
}

async function openedGroup(): Promise<number | null> {
  const { target } = atlas.view;
  if ((await treeName()) === null || !unfiltered()) return null;
  if (target.kind === "group" && target.group >= 0) return target.group;
  atlas.notify("Open a group first: along the tree it is split in two, or merged with its sibling.");
  return null;
}

/** Splits the open group into the two parts that it has in the tree. */
export async function splitAlongTree(): Promise<void> {
  const group = await openedGroup();
  if (group === null) return;
  const done = await atlas.act({ kind: "split_tree", group, tree: atlas.view.tree });
  leaveCut();
  await openNewGroups(done.groups ?? []);
}

/** Merges the open group with the groups below its sibling in the tree. */
export async function mergeAlongTree(): Promise<void> {
  const group = await openedGroup();
  if (group === null) return;
  const done = await atlas.act({ kind: "merge_tree", group, tree: atlas.view.tree });
  leaveCut();
  atlas.view.marked.clear();
  const fresh = done.groups?.[0];
  if (fresh !== undefined) openGroup(fresh);
}

/** Puts the focus on the slider. */
export async function focusTree(): Promise<void> {
  const { view } = atlas;
  if ((await treeName()) === null) return;
  view.tab = "groups";
  view.pane = "lists";
  await tick();
  document.getElementById(SLIDER)?.focus();
}
