/** Turns the view into a link, and a link into the view. */

import { WHOLE_MAP, type Camera } from "../map/camera";
import { formatFilter } from "./conditions";
import type { RunData } from "./data.svelte";
import type { Link } from "./linkQuery";
import type { Target } from "./target";
import type { Colouring, View } from "./view.svelte";
import type { OrderBy } from "../api/types";

const ORDERS: readonly string[] = ["nearest", "farthest", "random", "least_certain", "row"];
const COLOURINGS: readonly string[] = ["group", "class", "state", "prediction", "certainty"];

export function linkFromView(data: RunData, view: View): Partial<Link> {
  const { x, y, zoom } = view.camera;
  const link: Partial<Link> = { run: data.run.key };
  if (data.projection !== data.run.projections[0]?.name) link.projection = data.projection;
  if (view.colouringChosen) link.colour = view.colouring;
  const target = addressOf(view.target);
  if (target) link.target = target;
  if (data.filter.on) link.filter = formatFilter(data.filter.conditions);
  if (view.order !== "nearest") link.order = view.order;
  if (view.camera !== WHOLE_MAP) link.camera = [x, y, zoom].map((value) => Number(value.toPrecision(5))).join(",");
  if (view.layer >= 0) link.layer = String(view.layer);
  if (view.upright) link.upright = "1";
  if (view.size !== 72) link.size = String(view.size);
  return link;
}

/** Sets the view to that of an address; what it does not say, or says wrongly, is as on a fresh page. */
export function applyLink(link: Partial<Link>, view: View, data: RunData): void {
  const column = link.colour?.startsWith("column:") ? link.colour.slice("column:".length) : null;
  const isKnown =
    column === null ? COLOURINGS.includes(link.colour ?? "") : data.run.columns.some(({ name }) => name === column);
  view.colouringChosen = isKnown;
  if (isKnown) view.colouring = link.colour as Colouring;
  view.order = ORDERS.includes(link.order ?? "") ? (link.order as OrderBy) : "nearest";
  view.camera = parseCamera(link.camera) ?? WHOLE_MAP;
  const layer = Number(link.layer ?? NaN);
  view.layer = Number.isInteger(layer) && layer >= 0 && layer < data.run.n_layers ? layer : -1;
  view.upright = link.upright === "1" && data.run.thumbnails.upright;
  const size = Number(link.size ?? NaN);
  view.size = size >= 32 && size <= 160 ? size : 72;
  if (link.projection && link.projection !== data.projection) void data.choose(link.projection);
  view.setTarget(parseTarget(link.target) ?? { kind: "all" });
}

/** Returns a target as an address says it; null for all images, and for what no address can hold. */
export function addressOf(target: Target): string | null {
  if (target.kind === "rows") return target.link ?? null;
  if (target.kind === "group") return `group:${target.group}`;
  if (target.kind === "class") return `class:${target.class}`;
  if (target.kind === "state") return `state:${target.state}`;
  return null;
}

function parseTarget(text: string | undefined): Target | null {
  const match = /^(group|class|state):(-?\d{1,9})$/.exec(text ?? "");
  if (!match) return null;
  const id = Number(match[2]);
  if (match[1] === "group") return { kind: "group", group: id };
  if (match[1] === "class") return { kind: "class", class: id };
  return id >= 0 && id <= 4 ? { kind: "state", state: id } : null;
}

function parseCamera(text: string | undefined): Camera | null {
  const [x, y, zoom] = (text ?? "").split(",").map(Number);
  const isValid =
    [x, y, zoom].every(Number.isFinite) && Math.abs(x) <= 2 && Math.abs(y) <= 2 && zoom >= 0.25 && zoom <= 5000;
  return isValid ? { x, y, zoom } : null;
}
