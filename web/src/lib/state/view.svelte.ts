/** The state of the view: everything that a person chooses on the page and that is not stored in the run. */

import { SvelteSet } from "svelte/reactivity";
import type { OrderBy, Reclustering } from "../api/types";
import { WHOLE_MAP, type Camera } from "../map/camera";
import { NO_ROWS, type Rows } from "./rows";
import type { Target } from "./target";

export type Tool = "move" | "lasso" | "brush";
export type Tab = "groups" | "classes" | "queues" | "history" | "filter";
export type Colouring = "group" | "class" | "state" | "prediction" | "certainty" | `column:${string}`;
/** The part of the page that a small screen shows. */
export type Pane = "lists" | "map" | "images" | "inspector";
export type Prompt =
  | "name"
  | "reason"
  | "merge"
  | "help"
  | "tour"
  | "class"
  | "classlist"
  | "ratio"
  | "compare"
  | "export"
  | "person"
  | "find"
  | "views"
  | null;

/** The task of the gallery, if it does more than show images. */
export type Task =
  | {
      kind: "queue";
      name: string;
      title: string;
      scores: Float32Array;
      cut: number;
      proposed: number;
    }
  | { kind: "grow"; class: number; name: string }
  | { kind: "recluster"; job: string; status: Reclustering; done: number }
  | { kind: "waiting"; job: string; path: string; title: string; done: number }
  | { kind: "audit"; drawn: Rows }
  | { kind: "pages"; name: string; title: string; page: number }
  | { kind: "takeover"; least: number; n: number }
  | { kind: "duplicates" }
  | { kind: "compare"; left: number; right: number };

/** A cut of the tree of groups that is shown, and not made. */
export interface ShownCut {
  n: number;
  /** Numbers of images of its largest and its smallest group, and in no group. */
  largest: number;
  smallest: number;
  noise: number;
  /** The group of each image in it, `NO_PART` for none. */
  parts: Uint16Array;
}

export interface GalleryContent {
  rows: Rows;
  total: number;
  loading: boolean;
  /** Whether the rows are still those from before, so that nobody may choose among them. */
  stale: boolean;
  /** Whether the rows of the target could not be fetched. */
  failed?: boolean;
}

export class View {
  target = $state.raw<Target>({ kind: "all" });
  order = $state<OrderBy>("nearest");
  gallery = $state.raw<GalleryContent>({ rows: NO_ROWS, total: 0, loading: true, stale: false });
  task = $state.raw<Task | null>(null);
  /** Name of the tree of groups that was chosen; null for the newest. */
  tree = $state<string | null>(null);
  cut = $state.raw<ShownCut | null>(null);
  /** Picked images; the next action applies to these alone. */
  picks = new SvelteSet<number>();
  /** Groups to be merged with the open one. */
  marked = new SvelteSet<number>();
  /** Index in `gallery.rows` of the cell under the cursor. */
  cursor = $state(0);
  /** Row of the image in the inspector, or -1. */
  inspected = $state(-1);
  hovered = $state(-1);
  colouring = $state<Colouring>("group");
  /** Whether the person chose the colours; until then they follow the classes from the first name on. */
  colouringChosen = $state(false);
  camera = $state.raw<Camera>(WHOLE_MAP);
  tool = $state<Tool>("move");
  /** The group that the next lasso splits, or null. */
  splitting = $state<number | null>(null);
  layer = $state(-1);
  /** Whether thumbnails show the images as the method set them upright. */
  upright = $state(false);
  size = $state(72);
  /** Whether all thumbnails on the screen have one scale. */
  trueSize = $state(false);
  tab = $state<Tab>("groups");
  /** Fields whose distribution is shown in the tab of the filter. */
  openFields = new SvelteSet<string>();
  table = $state(false);
  pane = $state<Pane>("images");
  inspector = $state(true);
  prompt = $state<Prompt>(null);
  /** Id of the class in the class dialog. */
  edited = $state(0);
  /** Name of the ratio in its dialog; null for a new one. */
  editedRatio = $state<string | null>(null);
  /** Whether the field for notes shall have the focus. */
  noting = $state(false);
  dark = $state(false);
  /** Rows that are fully visible in the gallery. */
  page = $state.raw<Rows>(NO_ROWS);

  setTarget(target: Target): void {
    this.task = null;
    this.picks.clear();
    this.cursor = 0;
    this.target = target;
    if (target.kind !== "group") this.marked.clear();
  }
}
