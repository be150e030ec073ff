/** Commands that open something in the gallery: groups, classes, similar images, queues, audits. */

import { tick } from "svelte";
import { getArrays, postArrays, postJson, remove } from "../api/client";
import type { OrderBy, RowQuery } from "../api/types";
import { atlas } from "../state/atlas.svelte";
import { NO_ROWS, type Rows } from "../state/rows";
import { queryOf, targetQuery, type Target } from "../state/target";

/** Number of rows that are fetched at once. */
const CHUNK = 4000;

let latestRequest = 0;
let latestLoad: Promise<void> = Promise.resolve();
let current: AbortController | null = null;

/** Of larger lassos, a sample is shown until the server has sorted all rows. */
const LARGE_LASSO = 5000;

/** Returns the order of the gallery: all images together have no typical one, so that they come in random order. */
export function effectiveOrder(target: Target, order: OrderBy): OrderBy {
  return target.kind === "all" && order === "nearest" ? "random" : order;
}

/** Returns at limit `limit` evenly spaced rows. */
function subsample(rows: Rows, limit: number): Rows {
  const stride = Math.max(1, rows.length / limit);
  return Uint32Array.from({ length: Math.min(limit, rows.length) }, (_, i) => rows[Math.floor(i * stride)]);
}

/** Fetches the rows of the target in the chosen order. */
export function loadGallery(): Promise<void> {
  latestLoad = load();
  return latestLoad;
}

/** Waits until the gallery has the rows of its target, or could not get them. */
export async function galleryLoaded(): Promise<void> {
  let awaited: Promise<void>;
  do {
    awaited = latestLoad;
    await awaited.catch(() => undefined); // Whoever loads it tells why it failed.
  } while (awaited !== latestLoad);
  await tick();
}

async function load(): Promise<void> {
  const { data, view } = atlas;
  if (!data) return;
  const { target } = view;
  current?.abort();
  current = new AbortController();
  const request = ++latestRequest;
  const left = target.kind === "rows" ? data.filter.keep(target.rows) : NO_ROWS;
  if (target.kind === "rows" && (target.ordered || left.length === 0)) {
    view.gallery = { rows: left, total: left.length, loading: false, stale: false };
    return;
  }
  view.gallery =
    left.length > LARGE_LASSO
      ? { rows: subsample(left, CHUNK), total: left.length, loading: true, stale: false }
      : { ...view.gallery, loading: true, stale: true, failed: false };
  try {
    const found = await fetchOrder(targetQuery(target, data), effectiveOrder(target, view.order), 0, current.signal);
    if (request === latestRequest) view.gallery = { ...found, loading: false, stale: false };
  } catch (error) {
    if (request === latestRequest)
      view.gallery = { rows: NO_ROWS, total: 0, loading: false, stale: false, failed: true };
    throw error;
  }
}

/** Fetches the next chunk of a long list. */
export async function loadMore(): Promise<void> {
  const { data, view } = atlas;
  const { gallery, target } = view;
  if (!data || gallery.loading || gallery.rows.length >= gallery.total || view.task) return;
  const request = latestRequest;
  view.gallery = { ...gallery, loading: true };
  const offset = gallery.rows.length;
  const more = await fetchOrder(targetQuery(target, data), effectiveOrder(target, view.order), offset).catch(
    (error) => {
      if (request === latestRequest) view.gallery = gallery; // So that scrolling on asks again.
      throw error;
    },
  );
  if (request !== latestRequest) return;
  const rows = new Uint32Array(gallery.rows.length + more.rows.length);
  rows.set(gallery.rows);
  rows.set(more.rows, gallery.rows.length);
  view.gallery = { rows, total: gallery.total, loading: false, stale: false };
}

async function fetchOrder(
  of: RowQuery,
  by: OrderBy,
  offset: number,
  signal?: AbortSignal,
): Promise<{ rows: Rows; total: number }> {
  const order = by === "least_certain" && atlas.data!.probe.status !== "ready" ? "farthest" : by;
  const { header, arrays } = await postArrays(
    `${atlas.data!.path}/order`,
    { of, by: order, offset, limit: CHUNK },
    signal,
  );
  return { rows: arrays["rows"] as Rows, total: header["total"] as number };
}

export function openTarget(target: Target): void {
  atlas.view.setTarget(target);
  void atlas.attempt(loadGallery);
}

export function openGroup(group: number): void {
  openTarget({ kind: "group", group });
}

let nextGroups: number[] = [];

/** Sets the groups that `stepGroup` opens before all others, such as the parts of one that was just split. */
export function visitNext(groups: number[]): void {
  nextGroups = groups;
}

function isUnfinished(group: number): boolean {
  const left = atlas.data?.filter.groups;
  if (left) return (left.get(group)?.open ?? 0) > 0;
  const counts = atlas.data?.counts.groups.get(group);
  return counts !== undefined && counts.named + counts.excluded < counts.size;
}

/** Opens the next group that has images without a class, or, backwards, the previous one in the table. */
export function stepGroup(by: 1 | -1): void {
  const { data, view } = atlas;
  const groups = (data?.groupTable ?? []).filter(({ group }) => data?.filter.hasGroup(group));
  if (!data || groups.length === 0) return;
  const here = view.target.kind === "group" ? view.target.group : NaN;
  const at = groups.findIndex(({ group }) => group === here);
  if (by < 0) {
    openGroup(groups[(at <= 0 ? groups.length : at) - 1].group);
    return;
  }
  const order = groups.map((_, i) => groups[(at + 1 + i) % groups.length].group);
  const unfinished = [...nextGroups, ...order].filter(isUnfinished);
  // Noise is a group like any other, and the last to be named: its images belong to many kinds.
  const next = unfinished.find((group) => group >= 0) ?? unfinished[0];
  nextGroups = nextGroups.filter((group) => group !== next);
  if (next !== undefined) {
    openGroup(next);
    return;
  }
  if (data.filter.on) {
    atlas.notify("Every image that the filter leaves has a name. Take the filter off (shift+F) to go on.");
    return;
  }
  atlas.notify(
    "Every image has a name. Next: names that the classifier doubts (w), images never looked at (n), the blind audit (a).",
  );
}

/** Returns the query of the selection: the picked rows, or all of the target. */
export function selectionQuery(): RowQuery {
  const { data, view } = atlas;
  if (view.picks.size > 0)
    return queryOf(
      [...view.picks].sort((a, b) => a - b),
      data!.count,
    );
  return targetQuery(view.target, data!);
}

/** Returns the rows whose neighbours are searched: the picked ones, or the one under the cursor. */
export function similarityQueries(): number[] {
  const { view } = atlas;
  if (view.picks.size > 0) return [...view.picks];
  const row = view.gallery.rows[view.cursor];
  return row === undefined ? [] : [row];
}

export async function findSimilar(rows: number[], k = 300): Promise<void> {
  const { data } = atlas;
  if (!data || rows.length === 0) return;
  const { arrays } = await postArrays(`${data.path}/neighbours`, {
    of: { rows },
    among: data.filter.on ? data.filter.narrow({ all: true }) : null,
    k,
  });
  const found = arrays["rows"] as Rows;
  const all = new Uint32Array(rows.length + found.length);
  all.set(rows);
  all.set(found, rows.length);
  const what = rows.length === 1 ? "this image" : `${rows.length} images`;
  openTarget({ kind: "rows", rows: all, title: `Similar to ${what}`, ordered: true });
}

const QUEUE_TITLES: Record<string, string> = {
  cut: "Cut by the border",
  touching: "Touching",
  blurred: "Blurred",
  least_certain: "The least certain images",
  disagree: "Name and classifier disagree",
  outside: "Unlike all that have a name",
  never_looked_at: "Never looked at",
};

/** Queues whose images are looked at page by page; of the others, those before a cut are excluded. */
const PAGED = ["least_certain", "disagree", "outside", "never_looked_at"];

/** Waits for a queue that takes long to compute; returns whether it is there, and the expert still wants it. */
async function prepareQueue(name: string, title: string): Promise<boolean> {
  const { data, view } = atlas;
  const path = `${data!.path}/queues/${encodeURIComponent(name)}/jobs`;
  const { job } = await postJson<{ job: string | null }>(path, {});
  if (job === null) return true;
  view.setTarget({ kind: "all" });
  view.task = { kind: "waiting", job, path, title, done: 0 };
  const stillWaits = (): boolean => view.task?.kind === "waiting" && view.task.job === job;
  const end = await atlas.job(job, ({ done }) => {
    if (stillWaits()) view.task = { kind: "waiting", job, path, title, done };
  });
  if (!stillWaits()) return false;
  view.task = null;
  if (end.status === "failed") atlas.notify(end.error ?? "The queue could not be made.", "error");
  return end.status === "ready";
}

/** Leaves a queue that is being computed, which ends. */
export async function cancelWaiting(): Promise<void> {
  const { task } = atlas.view;
  if (task?.kind !== "waiting") return;
  openTarget({ kind: "all" });
  await remove(`${task.path}/${task.job}`);
}

export async function openQueue(name: string): Promise<void> {
  const { data, view } = atlas;
  if (!data) return;
  if (name === "duplicates") {
    if (!(await prepareQueue(name, "Duplicates"))) return;
    view.setTarget({
      kind: "rows",
      rows: new Uint32Array(0),
      title: "Duplicates",
      ordered: true,
      link: "queue:duplicates",
    });
    view.gallery = { rows: new Uint32Array(0), total: 0, loading: false, stale: false };
    view.task = { kind: "duplicates" };
    return;
  }
  const { header, arrays } = await getArrays(`${data.path}/queues/${encodeURIComponent(name)}`);
  // Rows, scores and twins belong together: the filter takes out the same places of each.
  const every = arrays["rows"] as Rows;
  const left = (_: number, place: number): boolean => data.filter.passes(every[place]);
  const rows = every.filter(left);
  const scores = (arrays["score"] as Float32Array).filter(left);
  const proposed = countBeforeCut(scores, header["cut"]);
  const title = QUEUE_TITLES[name] ?? name;
  view.setTarget({ kind: "rows", rows, title, ordered: true, link: `queue:${name}` });
  view.gallery = { rows, total: rows.length, loading: false, stale: false };
  view.task = PAGED.includes(name)
    ? { kind: "pages", name, title, page: 0 }
    : {
        kind: "queue",
        name,
        title,
        scores,
        cut: proposed,
        proposed,
      };
}

/** Returns how many of the sorted scores, the worst first, are beyond the cut. */
export function countBeforeCut(scores: Float32Array, cut: unknown): number {
  if (typeof cut !== "number" || scores.length === 0) return 0;
  const falling = scores[0] >= scores[scores.length - 1];
  let n = 0;
  while (n < scores.length && (falling ? scores[n] >= cut : scores[n] <= cut)) n++;
  return n;
}

export async function openAudit(perClass = 50): Promise<void> {
  const { data, view } = atlas;
  if (!data) return;
  const drawn = await postJson<{ rows: number[] }>(`${data.path}/audits`, {
    per_class: perClass,
    seed: Math.floor(Math.random() * 2 ** 31),
  });
  const rows = Uint32Array.from(drawn.rows);
  view.setTarget({ kind: "rows", rows, title: "Blind audit", ordered: true });
  view.gallery = { rows, total: rows.length, loading: false, stale: false };
  // The map would reveal the class.
  view.inspected = -1;
  view.task = { kind: "audit", drawn: rows };
}

/** Closes the innermost thing that is open: dialog, lasso, picks, task, tool, marks, target. */
export function escape(): void {
  const { view } = atlas;
  if (view.prompt) view.prompt = null;
  // Within the counts, it closes them and nothing else.
  else if (view.table && document.activeElement?.closest(".counts")) view.table = false;
  else if (view.splitting !== null) view.splitting = null;
  else if (view.cut) view.cut = null;
  else if (view.picks.size > 0) view.picks.clear();
  else if (view.task?.kind === "waiting") void atlas.attempt(cancelWaiting);
  else if (view.task) openTarget({ kind: "all" });
  else if (view.table) view.table = false;
  else if (view.tool !== "move") view.tool = "move";
  else if (view.marked.size > 0) view.marked.clear();
  else if (view.target.kind !== "all") openTarget({ kind: "all" });
}
