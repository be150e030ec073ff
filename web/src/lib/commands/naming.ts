/** Says what images are. */

import type { RowsQuery } from "../api/types";
import { atlas } from "../state/atlas.svelte";
import { queryOf } from "../state/target";
import { chosenQuery, look, show, step } from "./looking";

const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0"];

/** Whether something is chosen that a decision may be about; says so if not. A whole class, or a queue, is not chosen by being shown. */
export function somethingChosen(): boolean {
  const { view } = atlas;
  if (view.picks.size > 0) return true;
  if (view.task || view.target.kind === "class" || view.target.kind === "state") {
    atlas.say("Click the images that are meant first; ctrl+A takes all in view.");
    return false;
  }
  if (view.target.kind !== "all") return true;
  atlas.say("Choose first: a group in the list, a lasso on the map, or images in the gallery.");
  return false;
}

/** Give what is chosen a class, and go on to the next group if it was a whole one. */
export async function nameWith(id: number): Promise<void> {
  const { data, view } = atlas;
  if (!data || !somethingChosen()) return;
  if (view.target.kind === "group" && view.picks.size === 0) {
    const groups = [view.target.group, ...view.marked].filter((group, i, all) => all.indexOf(group) === i);
    await atlas.act({ kind: "name", group: groups.length === 1 ? groups[0] : groups, class: id });
    view.marked.clear();
    step(1);
    return;
  }
  const query = chosenQuery();
  if (id === 0) await atlas.act({ kind: "clear", of: query });
  else await atlas.act({ kind: "assign", of: query, class: id, state: "validated" });
  view.picks.clear();
}

/** A class by its name, made if there is none, with the next free digit as its key. */
export async function classNamed(text: string): Promise<number> {
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

export async function nameNew(text: string): Promise<void> {
  await nameWith(await classNamed(text));
}

export async function exclude(reason: string): Promise<void> {
  if (!somethingChosen()) return;
  const whole = atlas.view.target.kind === "group" && atlas.view.picks.size === 0;
  await atlas.act({ kind: "exclude", of: chosenQuery(), reason });
  atlas.view.picks.clear();
  if (whole) step(1);
}

export async function include(): Promise<void> {
  if (!somethingChosen()) return;
  await atlas.act({ kind: "include", of: chosenQuery() });
  atlas.view.picks.clear();
}

export async function doubt(): Promise<void> {
  if (!somethingChosen()) return;
  await atlas.act({ kind: "dubious", of: chosenQuery() });
  atlas.view.picks.clear();
}

/** Confirm the classes of the page: the picked images, or all that the gallery shows at this moment. */
export async function validatePage(): Promise<void> {
  const { data, view } = atlas;
  if (!data) return;
  const rows = view.picks.size > 0 ? [...view.picks] : [...view.page];
  if (rows.length === 0) return;
  const query: RowsQuery = queryOf(rows, data.count);
  await atlas.act({ kind: "validate", of: query });
  view.picks.clear();
}

export async function undo(): Promise<void> {
  if (!atlas.data?.canUndo) {
    atlas.say("There is nothing to undo.");
    return;
  }
  await atlas.act({ kind: "undo" });
  await showAgain();
}

export async function redo(): Promise<void> {
  if (!atlas.data?.canRedo) {
    atlas.say("There is nothing to redo.");
    return;
  }
  await atlas.act({ kind: "redo" });
  await showAgain();
}

/** Show what is looked at anew; a group that is no more gives way to the one that has its images now. */
async function showAgain(): Promise<void> {
  const { data, view } = atlas;
  const { target } = view;
  if (target.kind === "group" && !data!.groupOf(target.group)) {
    const row = view.shown.rows[0];
    look(row === undefined ? { kind: "all" } : { kind: "group", group: data!.groups[row] });
  } else if (!view.task) await show();
}
