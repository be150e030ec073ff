/** What is shown, and how: all that a person chooses and no decision. */

import { SvelteSet } from "svelte/reactivity";
import type { OrderBy, Reclustering } from "../api/types";
import { WHOLE, type Camera } from "../map/camera";
import { NO_ROWS, type Rows } from "./rows";
import type { Target } from "./target";

export type Tool = "move" | "lasso" | "brush";
export type Tab = "groups" | "classes" | "queues" | "history";
export type Colouring = "group" | "class" | "state" | "prediction" | "certainty" | `column:${string}`;
export type Prompt = "name" | "reason" | "merge" | "help" | "tour" | "class" | "export" | null;

/** What the gallery is busy with besides showing. */
export type Task =
  | {
      kind: "queue";
      name: string;
      title: string;
      scores: Float32Array;
      cut: number;
      proposed: number;
      twins: Rows | null;
    }
  | { kind: "grow"; class: number; name: string }
  | { kind: "recluster"; job: string; status: Reclustering }
  | { kind: "audit"; drawn: Rows }
  | { kind: "uncertain"; page: number };

export interface Shown {
  rows: Rows;
  total: number;
  loading: boolean;
}

export class View {
  target = $state.raw<Target>({ kind: "all" });
  order = $state<OrderBy>("nearest");
  shown = $state.raw<Shown>({ rows: NO_ROWS, total: 0, loading: true });
  task = $state.raw<Task | null>(null);
  /** Images taken out by a click; what is done next is done with these alone. */
  picks = new SvelteSet<number>();
  /** Groups chosen together with the one looked at, to be merged. */
  marked = new SvelteSet<number>();
  /** Place in `shown.rows` that the keys move. */
  cursor = $state(0);
  /** The image of the inspector. */
  inspected = $state(-1);
  hovered = $state(-1);
  colouring = $state<Colouring>("group");
  camera = $state.raw<Camera>(WHOLE);
  tool = $state<Tool>("move");
  /** The group that the next lasso splits, or null. */
  splitting = $state<number | null>(null);
  layer = $state(-1);
  /** Show thumbnails as the method set the images upright, where it did. */
  upright = $state(false);
  size = $state(72);
  tab = $state<Tab>("groups");
  table = $state(false);
  inspector = $state(true);
  prompt = $state<Prompt>(null);
  /** The class that the class prompt edits. */
  edited = $state(0);
  dark = $state(false);
  /** Rows that the gallery shows at this moment: the page. */
  page = $state.raw<Rows>(NO_ROWS);

  look(target: Target): void {
    this.task = null;
    this.picks.clear();
    this.cursor = 0;
    this.target = target;
    if (target.kind !== "group") this.marked.clear();
  }
}
