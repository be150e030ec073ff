/** Commands of two groups side by side. */

import { postArrays } from "../api/client";
import { atlas } from "../state/atlas.svelte";
import type { RunData } from "../state/data.svelte";
import { rowsWhere, type Rows } from "../state/rows";
import { groupTitle, queryOf } from "../state/target";
import type { Task } from "../state/view.svelte";

/** Shows two groups side by side; nothing is changed. */
export function compareGroups(left: number, right: number): void {
  const { data, view } = atlas;
  if (!data) return;
  const rows = rowsWhere(data.count, (row) => data.groups[row] === left || data.groups[row] === right);
  view.setTarget({
    kind: "rows",
    rows,
    title: `${groupTitle(left)} and ${groupTitle(right).toLowerCase()}`,
    ordered: true,
  });
  view.gallery = { rows, total: rows.length, loading: false, stale: false };
  view.task = { kind: "compare", left, right };
}

/** Shows the two marked groups, or the open and the marked one, side by side; else asks for the other one. */
export function compareMarked(): void {
  const { view } = atlas;
  const here = view.target.kind === "group" ? [view.target.group] : [];
  const groups = [...new Set([...here, ...view.marked])];
  if (groups.length === 2) compareGroups(groups[0], groups[1]);
  else if (groups.length === 1 && here.length === 1) view.prompt = "compare";
  else if (groups.length > 2) atlas.notify("Two groups stand side by side: mark one besides the open one.");
  else atlas.notify("Open a group first, then mark another one (ctrl+click, or m).");
}

/** Returns the images of a group, those nearest to the centre of another one first. */
export async function nearestToGroup(
  data: RunData,
  group: number,
  other: number,
  limit: number,
): Promise<{ rows: Rows; total: number }> {
  const { header, arrays } = await postArrays(`${data.path}/order`, {
    of: { group },
    by: "similar",
    to: { group: other },
    offset: 0,
    limit,
  });
  return { rows: arrays["rows"] as Rows, total: header["total"] as number };
}

/** Moves the picked images of one side to the other; both groups get new numbers, and stay side by side. */
export async function moveAcross(
  data: RunData,
  task: Extract<Task, { kind: "compare" }>,
  to: "left" | "right",
): Promise<void> {
  const [from, into] = to === "right" ? [task.left, task.right] : [task.right, task.left];
  const rows = [...atlas.view.picks].filter((row) => data.groups[row] === from).sort((a, b) => a - b);
  if (rows.length === 0) {
    atlas.notify(`Click images of ${groupTitle(from).toLowerCase()} first.`);
    return;
  }
  const stays = data.groups.findIndex((group, row) => group === from && !rows.includes(row));
  await atlas.act({ kind: "move", of: queryOf(rows, data.count), group: from, into });
  const now = { from: stays < 0 ? from : data.groups[stays], into: data.groups[rows[0]] };
  if (to === "right") compareGroups(now.from, now.into);
  else compareGroups(now.into, now.from);
}
