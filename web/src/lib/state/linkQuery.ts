/** Parses and formats the query of an address that describes the view. */

export interface Link {
  run: string;
  projection: string;
  colour: string;
  /** "group:3", "class:2", "state:4", "queue:disagree", "find:S01"; absent for all images. */
  target: string;
  /** The conditions of the filter, as JSON. */
  filter: string;
  order: string;
  /** "x,y,zoom". */
  camera: string;
  layer: string;
  /** "1", or absent. */
  upright: string;
  size: string;
}

const KEYS: readonly (keyof Link)[] = [
  "run",
  "projection",
  "colour",
  "target",
  "filter",
  "order",
  "camera",
  "layer",
  "upright",
  "size",
];

export function parseLink(search: string): Partial<Link> {
  const query = new URLSearchParams(search);
  const link: Partial<Link> = {};
  for (const key of KEYS) {
    const value = query.get(key);
    if (value !== null) link[key] = value;
  }
  return link;
}

export function formatLink(link: Partial<Link>): string {
  const query = new URLSearchParams();
  for (const key of KEYS) if (link[key]) query.set(key, link[key]);
  return `?${query.toString()}`;
}
