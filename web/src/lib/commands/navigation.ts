/** Goes to the view of an address: when the page is opened, with Back and Forward, and to saved views. */

import { getJson, postJson, remove } from "../api/client";
import type { SavedView } from "../api/types";
import { atlas } from "../state/atlas.svelte";
import { formatFilter, parseFilter } from "../state/conditions";
import { formatLink, parseLink, type Link } from "../state/linkQuery";
import type { Target } from "../state/target";
import { addressOf, applyLink, linkFromView } from "../state/viewLink";
import { findById } from "./filtering";
import { loadGallery, openQueue } from "./gallery";

interface Entry {
  place: string;
  /** Number of a target that no address can hold, such as a lasso. */
  kept: number | null;
}

const MAX_KEPT = 30;

/** Where the page is: target and filter. A change of it makes an entry of the history; cameras and colours make none. */
let place: string | null = null;
let going = 0;
let latestTrip = 0;
const kept = new Map<number, Target>();
let latest: { target: Target; number: number } | null = null;
let number = 0;

/** Writes the view to the address, as a new entry of the history if another group, class, queue, filter or search is open. */
export function recordView(replace = false): void {
  const { data, view } = atlas;
  if (!data || going > 0) return;
  const link = linkFromView(data, view);
  const entry: Entry = { place: "", kept: null };
  if (view.target.kind === "rows" && !view.target.link) entry.kept = numberOf(view.target);
  entry.place = JSON.stringify([data.run.key, addressOf(view.target), entry.kept, link.filter ?? ""]);
  const isNew = place !== null && entry.place !== place;
  place = entry.place;
  if (isNew && !replace) history.pushState(entry, "", formatLink(link));
  else history.replaceState(entry, "", formatLink(link));
}

/** Goes to where the history points. */
export async function onPopState(event: PopStateEvent): Promise<void> {
  const { data, view } = atlas;
  const entry = event.state as Entry | null;
  const link = parseLink(location.search);
  if (!data) return;
  if (link.run && link.run !== data.run.key) await atlas.open(link.run);
  view.prompt = null;
  const target = entry?.kept == null ? undefined : kept.get(entry.kept);
  await goTo(link, target);
  recordView(true);
}

/** Goes to the view of an address or a saved view, which anybody may have written. */
export async function goTo(link: Partial<Link>, target?: Target): Promise<void> {
  const { data, view } = atlas;
  if (!data) return;
  going++;
  const trip = ++latestTrip;
  try {
    applyLink(link, view, data);
    const conditions = parseFilter(link.filter);
    if (formatFilter(conditions) !== formatFilter(data.filter.conditions)) {
      await atlas.attempt(() => data.filter.set(data, conditions));
    }
    // Whoever presses Back twice is on the way to another place already.
    if (trip === latestTrip) await atlas.attempt(() => openAddress(link.target, target));
  } finally {
    going--;
  }
}

async function openAddress(address: string | undefined, target?: Target): Promise<void> {
  const { view } = atlas;
  const [kind, ...rest] = (address ?? "").split(":");
  if (target) view.setTarget(target);
  else if (kind === "queue") return openQueue(rest.join(":"));
  else if (kind === "find") return findById(rest.join(":"));
  await loadGallery();
}

function numberOf(target: Target): number {
  if (latest?.target !== target) {
    latest = { target, number: ++number };
    kept.set(number, target);
    for (const old of kept.keys()) if (kept.size > MAX_KEPT) kept.delete(old);
  }
  return latest.number;
}

export function readViews(): Promise<SavedView[]> {
  return getJson<SavedView[]>(`${atlas.data!.path}/views`);
}

/** Saves the present view by a name, with the run. */
export async function saveView(name: string): Promise<void> {
  const { data, view } = atlas;
  const { run, ...query } = linkFromView(data!, view);
  void run;
  await postJson(`${data!.path}/views`, { name, query });
  const isLasso = view.target.kind === "rows" && !view.target.link;
  atlas.notify(
    isLasso
      ? `Saved as “${name}”, without what is chosen on the map: give it a name to come back to it.`
      : `Saved as “${name}”.`,
    "done",
  );
}

export async function removeView(name: string): Promise<void> {
  await remove(`${atlas.data!.path}/views?name=${encodeURIComponent(name)}`);
}

export async function openView({ name, query }: SavedView): Promise<void> {
  await goTo(query);
  recordView();
  atlas.announcement = `View ${name}`;
}
