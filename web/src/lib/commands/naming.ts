/** Commands that give images a class or a state. */

import type { RowQuery } from "../api/types";
import { atlas } from "../state/atlas.svelte";
import { queryOf } from "../state/target";
import { selectionQuery, openTarget, galleryLoaded, loadGallery, stepGroup } from "./gallery";

const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0"];

/** Returns whether something is selected, and notifies if not; to open a class or a queue does not select its images. */
export function requireSelection(): boolean {
  const { view } = atlas;
  if (view.picks.size > 0) return true;
  if (view.task || view.target.kind === "class" || view.target.kind === "state") {
    atlas.notify("Click the images that are meant first; ctrl+A takes all in view.");
    return false;
  }
  if (view.target.kind !== "all") return true;
  atlas.notify("Choose first: a group in the list, a lasso on the map, or images in the gallery.");
  return false;
}

/** Gives the selection a class, and opens the next group if the selection was a whole group. */
export async function assignClass(id: number): Promise<void> {
  const { data, view } = atlas;
  if (!data || !requireSelection()) return;
  if (view.target.kind === "group" && view.picks.size === 0) {
    const groups = [view.target.group, ...view.marked].filter((group, i, all) => all.indexOf(group) === i);
    if (data.filter.on) {
      // To name a group names all of it: with a filter, only the images that are left get the name.
      const of = data.filter.narrow({ group: groups, not_excluded: true });
      await atlas.act(id === 0 ? { kind: "clear", of } : { kind: "assign", of, class: id, state: "validated" });
    } else await atlas.act({ kind: "name", group: groups.length === 1 ? groups[0] : groups, class: id });
    view.marked.clear();
    stepGroup(1);
    return;
  }
  const query = selectionQuery();
  if (id === 0) await atlas.act({ kind: "clear", of: query });
  else await atlas.act({ kind: "assign", of: query, class: id, state: "validated", looked_at: view.picks.size > 0 });
  view.picks.clear();
}

/** Returns the id of a class by name; makes it, with the next free digit as its key, if there is none. */
export async function findOrMakeClass(text: string): Promise<number> {
  const data = atlas.data!;
  const name = text.trim().normalize("NFC");
  const same = data.classTable.find((row) => row.name.toLowerCase() === name.toLowerCase());
  if (same) return same.id;
  const key = DIGITS.find((digit) => !data.classWithKey(digit)) ?? "";
  const done = await atlas.act({ kind: "class", class: null, name, ...(key ? { key } : {}) }, true);
  const id = done.class ?? data.classTable.find((row) => row.name === name)?.id;
  if (id === undefined) throw new Error(`the class ${name} was not made`);
  return id;
}

export async function assignNewClass(text: string): Promise<void> {
  await assignClass(await findOrMakeClass(text));
}

export async function exclude(reason: string): Promise<void> {
  if (!requireSelection()) return;
  const whole = atlas.view.target.kind === "group" && atlas.view.picks.size === 0;
  await atlas.act({ kind: "exclude", of: selectionQuery(), reason });
  atlas.view.picks.clear();
  if (whole) stepGroup(1);
}

export async function include(): Promise<void> {
  if (!requireSelection()) return;
  await atlas.act({ kind: "include", of: selectionQuery() });
  atlas.view.picks.clear();
}

export async function markDubious(): Promise<void> {
  if (!requireSelection()) return;
  await atlas.act({ kind: "dubious", of: selectionQuery() });
  atlas.view.picks.clear();
}

/** Validates the classes of the picked images, or of all that are fully visible in the gallery. */
export async function validatePage(): Promise<void> {
  const { data, view } = atlas;
  if (!data) return;
  await galleryLoaded();
  const rows = view.picks.size > 0 ? [...view.picks] : [...view.page];
  if (rows.length === 0) return;
  const query: RowQuery = queryOf(rows, data.count);
  await atlas.act({ kind: "validate", of: query });
  view.picks.clear();
}

export async function undo(): Promise<void> {
  if (!atlas.data?.canUndo) {
    atlas.notify("There is nothing to undo.");
    return;
  }
  await atlas.act({ kind: "undo" });
  await refresh();
}

export async function redo(): Promise<void> {
  if (!atlas.data?.canRedo) {
    atlas.notify("There is nothing to redo.");
    return;
  }
  await atlas.act({ kind: "redo" });
  await refresh();
}

/** Loads the gallery again; if its group does not exist any more, opens the one that has its images now. */
async function refresh(): Promise<void> {
  const { data, view } = atlas;
  const { target } = view;
  if (target.kind === "group" && !data!.groupOf(target.group)) {
    const row = view.gallery.rows[0];
    openTarget(row === undefined ? { kind: "all" } : { kind: "group", group: data!.groups[row] });
  } else if (!view.task) await loadGallery();
}
