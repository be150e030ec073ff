/** The target of the view: a group, a class, a state, some rows, or all images; and its query for the server. */

import { toBase64 } from "../api/base64";
import type { RowQuery } from "../api/types";
import type { RunData } from "./data.svelte";
import { pack, rowsEqual, rowsWhere, type Rows } from "./rows";

export type Target =
  | { kind: "all" }
  | { kind: "group"; group: number }
  | { kind: "class"; class: number }
  | { kind: "state"; state: number }
  /** `link` says in an address where the rows came from: "queue:…" or "find:…". */
  | { kind: "rows"; rows: Rows; title: string; ordered: boolean; link?: string };

const MAX_LISTED_ROWS = 20_000;

export function queryOf(rows: ArrayLike<number>, count: number): RowQuery {
  // A bitmask is shorter than a list if at least one row in 50 is selected.
  if (rows.length <= MAX_LISTED_ROWS && rows.length * 50 < count) return { rows: Array.from(rows) };
  if (rows.length <= 200) return { rows: Array.from(rows) };
  return { mask: toBase64(pack(rows, count)) };
}

/** Returns the query of those images of a target that the filter leaves. */
export function targetQuery(target: Target, data: RunData): RowQuery {
  return data.filter.narrow(wholeQuery(target, data.count));
}

function wholeQuery(target: Target, count: number): RowQuery {
  switch (target.kind) {
    case "all":
      return { all: true };
    case "group":
      return { group: target.group };
    case "class":
      return target.class === 0 ? { class: 0, not_excluded: true } : { class: target.class, not_excluded: true };
    case "state":
      return { state: target.state };
    case "rows":
      return queryOf(target.rows, count);
  }
}

/** Returns those images of a target that the filter leaves. */
export function targetRows(target: Target, data: RunData): Rows {
  return data.filter.keep(wholeRows(target, data));
}

function wholeRows(target: Target, data: RunData): Rows {
  switch (target.kind) {
    case "all":
      return rowsWhere(data.count, () => true);
    case "group":
      return rowsEqual(data.groups, target.group);
    case "class":
      return rowsWhere(data.count, (row) => data.classes[row] === target.class && data.states[row] !== 4);
    case "state":
      return rowsEqual(data.states, target.state);
    case "rows":
      return target.rows;
  }
}

export function groupTitle(group: number): string {
  return group < 0 ? "Noise" : `Group ${group}`;
}

export function targetTitle(target: Target, data: RunData): string {
  switch (target.kind) {
    case "all":
      return "All images";
    case "group":
      return groupTitle(target.group);
    case "class":
      return target.class === 0 ? "Without a name" : (data.classOf(target.class)?.name ?? "A class that is gone");
    case "state":
      return ["Untouched", "Predicted", "Validated", "Dubious", "Excluded"][target.state];
    case "rows":
      return target.title;
  }
}
