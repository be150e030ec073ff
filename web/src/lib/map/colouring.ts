/** From what the map is coloured by to a place in a palette for each point, and the legend that explains it. */

import { getFrame } from "../api/client";
import type { RunData } from "../state/data.svelte";
import { groupTitle } from "../state/target";
import type { Colouring } from "../state/view.svelte";
import { GREY, lookOfClass, lookOfGroup, ramp, standingOut, type Look, type Rgb } from "./looks";

export interface LegendLine {
  title: string;
  look: Look;
  n: number;
}

export interface Painting {
  looks: Uint16Array;
  palette: Look[];
  lines: LegendLine[];
  /** For numbers: what the two ends of the ramp mean. */
  ends: [number, number] | null;
}

export interface ColumnValues {
  numbers: Float32Array | null;
  codes: ArrayLike<number> | null;
  dictionary: string[];
}

const NOTHING: Look = { rgb: GREY, marker: 0 };
const MOST_LOOKS = 60_000;

export async function readColumn(data: RunData, name: string): Promise<ColumnValues> {
  const { header, sections } = await getFrame(`${data.path}/columns/${encodeURIComponent(name)}`);
  return {
    numbers: (sections["values"] as Float32Array | undefined) ?? null,
    codes: sections["codes"] ?? null,
    dictionary: (header["dictionary"] as string[] | undefined) ?? [],
  };
}

export function paint(
  data: RunData,
  colouring: Colouring,
  column: ColumnValues | null,
  parts: ReadonlyMap<number, number> | null,
  ground: Rgb,
): Painting {
  const painting = parts ? byParts(data, parts) : byColouring(data, colouring, column);
  painting.palette = painting.palette.map((look) => ({ ...look, rgb: standingOut(look.rgb, ground) }));
  painting.lines = painting.lines.map((line) => ({
    ...line,
    look: { ...line.look, rgb: standingOut(line.look.rgb, ground) },
  }));
  return painting;
}

function byColouring(data: RunData, colouring: Colouring, column: ColumnValues | null): Painting {
  switch (colouring) {
    case "group":
      return byGroup(data);
    case "class":
      return byClass(data, data.classes);
    case "prediction":
      return data.predictions.length ? byClass(data, data.predictions) : plain(data);
    case "state":
      return byState(data);
    case "certainty":
      return data.certainty.length ? byNumber(data.certainty) : plain(data);
    default:
      if (column?.numbers) return byNumber(column.numbers);
      return column?.codes ? byCode(column.codes, column.dictionary) : plain(data);
  }
}

function plain(data: RunData): Painting {
  return { looks: new Uint16Array(data.count), palette: [NOTHING], lines: [], ends: null };
}

function byGroup(data: RunData): Painting {
  const ids = [...data.tally.groups.keys()].sort((a, b) => a - b).slice(0, MOST_LOOKS);
  const place = new Map(ids.map((id, i) => [id, i]));
  const looks = new Uint16Array(data.count);
  for (let row = 0, last = NaN, at = 0; row < data.count; row++) {
    if (data.groups[row] !== last) {
      last = data.groups[row];
      at = place.get(last) ?? 0;
    }
    looks[row] = at;
  }
  const palette = ids.map(lookOfGroup);
  const lines = ids.map((id, i) => ({
    title: groupTitle(id),
    look: palette[i],
    n: data.tally.groups.get(id)!.size,
  }));
  return { looks, palette, lines: lines.sort((a, b) => b.n - a.n), ends: null };
}

function byClass(data: RunData, classes: Uint16Array): Painting {
  const most = Math.max(0, ...data.classTable.map(({ id }) => id));
  const palette: Look[] = Array.from({ length: most + 1 }, () => NOTHING);
  for (const { id, colour, glyph } of data.classTable) palette[id] = lookOfClass(colour, glyph);
  const counts = new Uint32Array(65536);
  for (let row = 0; row < data.count; row++) counts[classes[row]]++;
  const lines = data.classTable
    .filter(({ id }) => counts[id] > 0)
    .map(({ id, name }) => ({ title: name, look: palette[id], n: counts[id] }));
  if (counts[0] > 0) lines.push({ title: "without a name", look: NOTHING, n: counts[0] });
  return { looks: classes.slice(), palette, lines, ends: null };
}

function byState(data: RunData): Painting {
  const names = ["untouched", "predicted", "validated", "dubious", "excluded"];
  // Grey, light blue, blue, orange, red: apart in lightness as well as in hue.
  const palette = [NOTHING, ...[7, 0, 1, 2].map((i) => ({ rgb: lookOfGroup(i).rgb, marker: i % 4 }))];
  const counts = new Uint32Array(5);
  for (let row = 0; row < data.count; row++) counts[data.states[row]]++;
  const lines = names.map((title, i) => ({ title, look: palette[i], n: counts[i] })).filter(({ n }) => n > 0);
  return { looks: Uint16Array.from(data.states), palette, lines, ends: null };
}

function byNumber(values: Float32Array): Painting {
  const [low, high] = spread(values);
  const looks = new Uint16Array(values.length);
  for (let row = 0; row < values.length; row++) {
    const share = (values[row] - low) / (high - low || 1);
    looks[row] = Number.isNaN(values[row]) ? 256 : Math.round(Math.max(0, Math.min(1, share)) * 255);
  }
  const palette: Look[] = [...ramp().map((rgb) => ({ rgb, marker: 0 })), NOTHING];
  return { looks, palette, lines: [], ends: [low, high] };
}

function byCode(codes: ArrayLike<number>, dictionary: string[]): Painting {
  const looks = new Uint16Array(codes.length);
  const counts = new Uint32Array(dictionary.length + 1);
  for (let row = 0; row < codes.length; row++) {
    looks[row] = codes[row] < MOST_LOOKS ? codes[row] : 0;
    counts[codes[row]]++;
  }
  const palette = [NOTHING, ...dictionary.slice(0, MOST_LOOKS).map((_, i) => lookOfGroup(i))];
  const lines = dictionary.slice(0, MOST_LOOKS).map((title, i) => ({ title, look: palette[i + 1], n: counts[i + 1] }));
  return { looks, palette, lines: lines.sort((a, b) => b.n - a.n), ends: null };
}

function byParts(data: RunData, parts: ReadonlyMap<number, number>): Painting {
  const looks = new Uint16Array(data.count);
  const counts = new Uint32Array(256);
  for (const [row, part] of parts) {
    looks[row] = part + 1;
    counts[part]++;
  }
  const k = Math.max(0, ...parts.values()) + 1;
  const palette = [NOTHING, ...Array.from({ length: k }, (_, part) => lookOfGroup(part))];
  const lines = palette.slice(1).map((look, part) => ({ title: `Part ${part + 1}`, look, n: counts[part] }));
  return { looks, palette, lines, ends: null };
}

/** The first and the ninety-ninth hundredth of the values, by a sample of at most 10,000. */
function spread(values: Float32Array): [number, number] {
  const stride = Math.max(1, Math.floor(values.length / 10_000));
  const sample: number[] = [];
  for (let i = 0; i < values.length; i += stride) if (!Number.isNaN(values[i])) sample.push(values[i]);
  sample.sort((a, b) => a - b);
  if (sample.length === 0) return [0, 1];
  return [sample[Math.floor(sample.length * 0.01)], sample[Math.ceil(sample.length * 0.99) - 1]];
}
