/** Fills the gallery with what is looked at, and moves from one thing to the next. */

import { getFrame, postFrame, postJson } from "../api/client";
import type { GroupRow, OrderBy, RowsQuery } from "../api/types";
import { atlas } from "../state/atlas.svelte";
import type { Rows } from "../state/rows";
import { queryOf, targetQuery, type Target } from "../state/target";

/** As many as are fetched at once; the wall asks for more when one gets there. */
const CHUNK = 4000;

let asked = 0;
let current: AbortController | null = null;

/** From so many images on, some of a lasso are shown at once, until the server has ordered all of it. */
const MANY = 5000;

/** The order that is shown: all images together have nothing that is typical of them. */
export function orderShown(target: Target, order: OrderBy): OrderBy {
  return target.kind === "all" && order === "nearest" ? "random" : order;
}

/** Every so manieth row, at most `most` of them. */
function thinned(rows: Rows, most: number): Rows {
  const stride = Math.max(1, rows.length / most);
  return Uint32Array.from({ length: Math.min(most, rows.length) }, (_, i) => rows[Math.floor(i * stride)]);
}

/** Fetch the rows of the target in the chosen order. */
export async function show(): Promise<void> {
  const { data, view } = atlas;
  if (!data) return;
  const { target } = view;
  current?.abort();
  current = new AbortController();
  const mine = ++asked;
  if (target.kind === "rows" && (target.ordered || target.rows.length === 0)) {
    view.shown = { rows: target.rows, total: target.rows.length, loading: false };
    return;
  }
  view.shown =
    target.kind === "rows" && target.rows.length > MANY
      ? { rows: thinned(target.rows, CHUNK), total: target.rows.length, loading: true }
      : { ...view.shown, loading: true };
  const found = await fetchOrder(targetQuery(target, data.count), orderShown(target, view.order), 0, current.signal);
  if (mine === asked) view.shown = { ...found, loading: false };
}

/** Fetch the rest of a long list, chunk by chunk, as one scrolls. */
export async function showMore(): Promise<void> {
  const { data, view } = atlas;
  const { shown, target } = view;
  if (!data || shown.loading || shown.rows.length >= shown.total || view.task) return;
  const mine = asked;
  view.shown = { ...shown, loading: true };
  const more = await fetchOrder(targetQuery(target, data.count), orderShown(target, view.order), shown.rows.length);
  if (mine !== asked) return;
  const rows = new Uint32Array(shown.rows.length + more.rows.length);
  rows.set(shown.rows);
  rows.set(more.rows, shown.rows.length);
  view.shown = { rows, total: shown.total, loading: false };
}

async function fetchOrder(
  of: RowsQuery,
  by: OrderBy,
  offset: number,
  signal?: AbortSignal,
): Promise<{ rows: Rows; total: number }> {
  const order = by === "least_certain" && atlas.data!.probe.status !== "ready" ? "farthest" : by;
  const { header, sections } = await postFrame(
    `${atlas.data!.path}/order`,
    { of, by: order, offset, limit: CHUNK },
    signal,
  );
  return { rows: sections["rows"] as Rows, total: header["total"] as number };
}

export function look(target: Target): void {
  atlas.view.look(target);
  void atlas.attempt(show);
}

export function lookAtGroup(group: number): void {
  look({ kind: "group", group });
}

/** Groups in the order of the list, the ones that hold images. */
export function groupsInOrder(): GroupRow[] {
  return atlas.data?.groupTable ?? [];
}

let waiting: number[] = [];

/** Groups that `step` goes to before all others: the parts of one that was just taken apart. */
export function upNext(groups: number[]): void {
  waiting = groups;
}

function unfinished(group: number): boolean {
  const counts = atlas.data?.tally.groups.get(group);
  return counts !== undefined && counts.named + counts.excluded < counts.size;
}

/** Go to the next group that still has images without a name; backwards to the one before in the list. */
export function step(by: 1 | -1): void {
  const { data, view } = atlas;
  const groups = groupsInOrder();
  if (!data || groups.length === 0) return;
  const here = view.target.kind === "group" ? view.target.group : NaN;
  const at = groups.findIndex(({ group }) => group === here);
  if (by < 0) {
    lookAtGroup(groups[(at <= 0 ? groups.length : at) - 1].group);
    return;
  }
  const order = groups.map((_, i) => groups[(at + 1 + i) % groups.length].group);
  const next = [...waiting, ...order].find((group) => group >= 0 && unfinished(group));
  waiting = waiting.filter((group) => group !== next);
  if (next !== undefined) {
    lookAtGroup(next);
    return;
  }
  atlas.say("Every group has a name. Next: the least certain images (u), or the blind audit (a).");
}

/** The rows that the next deed is about: the picked ones, or all of the target. */
export function chosenQuery(): RowsQuery {
  const { data, view } = atlas;
  if (view.picks.size > 0)
    return queryOf(
      [...view.picks].sort((a, b) => a - b),
      data!.count,
    );
  return targetQuery(view.target, data!.count);
}

/** The rows that "similar" starts from: the picked ones, else the image under the cursor. */
export function seeds(): number[] {
  const { view } = atlas;
  if (view.picks.size > 0) return [...view.picks];
  const row = view.shown.rows[view.cursor];
  return row === undefined ? [] : [row];
}

export async function findSimilar(rows: number[], k = 300): Promise<void> {
  const { data } = atlas;
  if (!data || rows.length === 0) return;
  const { sections } = await postFrame(`${data.path}/neighbours`, { of: { rows }, among: null, k });
  const found = sections["rows"] as Rows;
  const all = new Uint32Array(rows.length + found.length);
  all.set(rows);
  all.set(found, rows.length);
  const what = rows.length === 1 ? "this image" : `${rows.length} images`;
  look({ kind: "rows", rows: all, title: `Similar to ${what}`, ordered: true });
}

const QUEUE_TITLES: Record<string, string> = {
  cut: "Cut by the border",
  touching: "Touching",
  blurred: "Blurred",
  duplicates: "Duplicates",
  least_certain: "Least certain",
};

export async function openQueue(name: string): Promise<void> {
  const { data, view } = atlas;
  if (!data) return;
  const { header, sections } = await getFrame(`${data.path}/queues/${encodeURIComponent(name)}`);
  const rows = sections["rows"] as Rows;
  const proposed = beforeCut(sections["score"] as Float32Array, header["cut"]);
  const title = QUEUE_TITLES[name] ?? name;
  view.look({ kind: "rows", rows, title, ordered: true });
  view.shown = { rows, total: rows.length, loading: false };
  view.task =
    name === "least_certain"
      ? { kind: "uncertain", page: 0 }
      : {
          kind: "queue",
          name,
          title,
          scores: sections["score"] as Float32Array,
          cut: proposed,
          proposed,
          twins: (sections["twin"] as Rows | undefined) ?? null,
        };
}

/** How many of the scores, worst first, lie on the bad side of the cut. */
export function beforeCut(scores: Float32Array, cut: unknown): number {
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
  view.look({ kind: "rows", rows, title: "Blind audit", ordered: true });
  view.shown = { rows, total: rows.length, loading: false };
  // The map would tell what it was called.
  view.inspected = -1;
  view.task = { kind: "audit", drawn: rows };
}

/** Leave what the gallery is busy with, or let go of what is picked, or go back to all. */
export function escape(): void {
  const { view } = atlas;
  if (view.prompt) view.prompt = null;
  else if (view.splitting !== null) view.splitting = null;
  else if (view.picks.size > 0) view.picks.clear();
  else if (view.task) look({ kind: "all" });
  else if (view.tool !== "move") view.tool = "move";
  else if (view.marked.size > 0) view.marked.clear();
  else if (view.target.kind !== "all") look({ kind: "all" });
}
