/** The JSON of the endpoints under /api/. Rows count images from 0; class 0 is no class; group -1 is noise. */

import type { Condition } from "../state/conditions";

export interface RunSummary {
  key: string;
  name: string;
  n_images: number;
  n_groups: number;
  method: string;
  created: string;
}

export interface Session {
  version: string;
  user: string;
  /** Whether other machines can reach the atlas. */
  shared: boolean;
  demo: boolean;
  runs: RunSummary[];
  limits: { name: number; rows: number; gallery?: number };
  roles: string[];
  reasons: string[];
  exports: Record<string, string>;
}

export interface Projection {
  name: string;
  method: string;
  v: string;
}

export interface Column {
  name: string;
  kind: "number" | "category";
  n_values: number;
  title: string;
}

export interface ThumbnailIndex {
  hash: string;
  tile: number;
  columns: number;
  per_sheet: number;
  width: number;
  height: number;
  mode: string;
  n_sheets: number;
  layers: number;
  /** Whether there are also thumbnails of the images as the method set them upright. */
  upright: boolean;
}

export interface Probe {
  number: number;
  status: "none" | "fitting" | "ready" | "failed";
  classes: number[];
  n_labelled: number;
  accuracy: number | null;
  /** Number of images without a name that are unlike all that have one. */
  n_outside: number;
  /** Why the predictions may not be taken over yet; null if they may. */
  locked: string | null;
  seconds: number | null;
  text: string;
  revision: number;
}

export interface Run extends RunSummary {
  revision: number;
  undo: boolean;
  redo: boolean;
  /** Whether this user may not write to the run. */
  read_only: boolean;
  /** Where the original files are, and whether the user lets them be copied; null where there are none. */
  originals: { path: string; confirmed: boolean } | null;
  image_shape: number[];
  n_layers: number;
  /** Width and height that all images have in µm, null where images differ; null as a whole if no scale is known. */
  scale: { width_um: number | null; height_um: number | null } | null;
  projections: Projection[];
  partition: string;
  partitions: string[];
  columns: Column[];
  thumbnails: ThumbnailIndex;
  samples: boolean;
  probe: Probe;
  best_layer: boolean;
}

export interface ClassRow {
  id: number;
  name: string;
  roles: string[];
  excluded: boolean;
  reason: string;
  key: string;
  colour: string;
  glyph: string;
  n: number;
  n_validated: number;
  n_predicted: number;
  n_dubious: number;
  /** The class above it, 0 = none. */
  parent: number;
  /** The names from the top of the tree down to it. */
  path: string;
}

export interface GroupRow {
  group: number;
  size: number;
  homogeneity: number;
  distance: number;
  class: number;
  named: number;
  validated: number;
  looked_at: number;
  excluded: number;
  progress: number;
  parents: number[];
  x: number;
  y: number;
  medoid: number;
  examples: number[];
}

export interface ImageInfo {
  row: number;
  id: string;
  source: string;
  group: number;
  probability: number | null;
  distance: number | null;
  class: number;
  state: number;
  reason: string;
  prediction: number;
  certainty: number | null;
  best_layer: number | null;
  n_layers: number;
  facts: Record<string, unknown>;
  measures: Record<string, { value: number; unit: string }>;
  /** Width and height of what it shows, in µm. */
  size_um: [number | null, number | null] | null;
  outline: [number, number][] | null;
  notes: { action: number; time: string; user: string; text: string }[];
}

export interface CountRow {
  class: number;
  name: string;
  validated: number;
  predicted: number;
  dubious: number;
  looked_at: number;
  probe: number;
  n: number;
  share: number;
  low: number;
  high: number;
  audited: number;
  /** How many more of it must be audited before shares are corrected. */
  audit_missing: number;
  audited_share: number | null;
  audited_low: number | null;
  audited_high: number | null;
  parent: number;
  /** How many classes lie below it; the numbers that end in `_all` count it together with them. */
  n_below: number;
  n_all: number;
  share_all: number | null;
  low_all: number;
  high_all: number;
  audited_share_all: number | null;
  audited_low_all: number | null;
  audited_high_all: number | null;
}

export interface Ratio {
  name: string;
  a: number;
  b: number;
  value: number | null;
  low: number | null;
  high: number | null;
  unit: string;
  definition: string;
  why: string | null;
  audited_value: number | null;
  audited_low: number | null;
  audited_high: number | null;
  /** Whether the expert defined it, and of which classes. */
  own?: true;
  numerator?: string[];
  denominator?: string[];
}

export interface SampleCounts {
  sample: string;
  n: number;
  small: boolean;
  counts: Record<string, number>;
  shares: Record<string, [number, number, number]>;
}

export interface Counts {
  revision: number;
  n: number;
  n_counted: number;
  n_dubious: number;
  n_excluded: number;
  excluded: Record<string, number>;
  classes: CountRow[];
  unnamed: number;
  ratios: Ratio[];
  samples: SampleCounts[];
  notes: string[];
}

export interface HistoryRow {
  id: number;
  time: string;
  user: string;
  kind: string;
  text: string;
  n: number;
  undone: boolean;
}

export interface QueueSummary {
  name: string;
  title: string;
  /** Null until the queue was computed. */
  n: number | null;
  cut: number | null;
  why: string | null;
}

export interface SimilarGroup {
  group: number;
  distance: number;
  named: boolean;
}

export interface Part {
  part: number;
  size: number;
  examples: number[];
}

export interface Reclustering {
  status: "working" | "ready" | "failed" | "cancelled";
  error: string | null;
  n: number;
  k: number;
  silhouette: number | null;
  parts: Part[];
  revision: number;
}

/** How a request selects images: those that match all keys. */
export interface RowQuery {
  all?: true;
  rows?: number[];
  mask?: string;
  group?: number | number[];
  class?: number | number[];
  state?: number | number[];
  prediction?: number | number[];
  column?: string;
  value?: string;
  low?: number;
  high?: number;
  not_excluded?: true;
  /** A filter: only images that fulfil all of these, too. */
  where?: Condition[];
}

export interface FieldInfo {
  field: string;
  kind: "number" | "category" | "text";
  title: string;
}

/** How the values of a field are distributed: over all images, and over those that the other conditions leave. */
export interface FieldSummary {
  kind: "number" | "category" | "text";
  missing: [number, number];
  scale?: "linear" | "log";
  edges?: number[];
  all?: number[];
  left?: number[];
  n_values?: number;
  values?: { value: string; n: number; left: number }[];
}

export interface SavedView {
  name: string;
  user: string;
  time: string;
  query: Record<string, string>;
}

export type OrderBy =
  "nearest" | "farthest" | "random" | "least_certain" | "most_certain" | "row" | "similar" | "column";

export interface ActionResult {
  revision: number;
  id: number;
  text: string;
  n: number;
  undo: boolean;
  redo: boolean;
  class?: number;
  groups?: number[];
}

export interface ChangeEvent {
  run: string;
  revision: number;
  id: number;
  kind: string;
  text: string;
  n: number;
  user: string;
  client: string | null;
  undo: boolean;
  redo: boolean;
  classes: boolean;
  groups: boolean;
}

export interface JobEvent {
  run: string;
  job: string;
  what: "recluster" | "queue" | "export";
  status: string;
  done: number;
  error: string | null;
  /** Lines on what was left out or changed. */
  notes: string[];
}

export const STATES = ["none", "predicted", "validated", "dubious", "excluded"] as const;
export const EXCLUDED = 4;
