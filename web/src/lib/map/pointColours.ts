/** Colours the points by group, class, state, prediction, certainty or a column, and makes the legend. */

import { getArrays } from "../api/client";
import { STATES } from "../api/types";
import type { RunData } from "../state/data.svelte";
import { groupTitle } from "../state/target";
import type { Colouring } from "../state/view.svelte";
import { GREY, classStyle, groupStyle, colourRamp, withContrast, type MarkerStyle, type Rgb } from "./styles";

export interface LegendEntry {
  title: string;
  style: MarkerStyle;
  n: number;
  /** The value in a filter: null for images without one, undefined where it cannot be filtered by. */
  value?: string | null;
}

export interface PointColours {
  styles: Uint16Array;
  palette: MarkerStyle[];
  legend: LegendEntry[];
  /** For numbers: the values at the two ends of the colour ramp. */
  range: [number, number] | null;
}

export interface ColumnValues {
  numbers: Float32Array | null;
  codes: ArrayLike<number> | null;
  dictionary: string[];
}

const UNSTYLED: MarkerStyle = { rgb: GREY, marker: 0 };
const MAX_STYLES = 60_000;

export async function readColumn(data: RunData, name: string): Promise<ColumnValues> {
  const { header, arrays } = await getArrays(`${data.path}/columns/${encodeURIComponent(name)}`);
  return {
    numbers: (arrays["values"] as Float32Array | undefined) ?? null,
    codes: arrays["codes"] ?? null,
    dictionary: (header["dictionary"] as string[] | undefined) ?? [],
  };
}

export function colourPoints(
  data: RunData,
  colouring: Colouring,
  column: ColumnValues | null,
  parts: ReadonlyMap<number, number> | null,
  background: Rgb,
): PointColours {
  const colours = parts ? byParts(data, parts) : byColouring(data, colouring, column);
  colours.palette = colours.palette.map((style) => ({ ...style, rgb: withContrast(style.rgb, background) }));
  colours.legend = colours.legend.map((line) => ({
    ...line,
    style: { ...line.style, rgb: withContrast(line.style.rgb, background) },
  }));
  return colours;
}

function byColouring(data: RunData, colouring: Colouring, column: ColumnValues | null): PointColours {
  switch (colouring) {
    case "group":
      return byGroup(data);
    case "class":
      return byClass(data, data.classes);
    case "prediction":
      return data.predictions.length ? byClass(data, data.predictions) : unstyled(data);
    case "state":
      return byState(data);
    case "certainty":
      return data.certainty.length ? byNumber(data.certainty) : unstyled(data);
    default:
      if (column?.numbers) return byNumber(column.numbers);
      return column?.codes ? byCode(column.codes, column.dictionary) : unstyled(data);
  }
}

function unstyled(data: RunData): PointColours {
  return { styles: new Uint16Array(data.count), palette: [UNSTYLED], legend: [], range: null };
}

function byGroup(data: RunData): PointColours {
  const ids = [...data.counts.groups.keys()].sort((a, b) => a - b).slice(0, MAX_STYLES);
  // The number of a group begins at -1.
  const places = new Uint16Array((ids.at(-1) ?? -1) + 2);
  ids.forEach((id, i) => (places[id + 1] = i));
  const styles = new Uint16Array(data.count);
  for (let row = 0; row < data.count; row++) styles[row] = places[data.groups[row] + 1];
  const palette = ids.map(groupStyle);
  const legend = ids.map((id, i) => ({
    title: groupTitle(id),
    style: palette[i],
    n: data.counts.groups.get(id)!.size,
    value: String(id),
  }));
  return { styles, palette, legend: legend.sort((a, b) => b.n - a.n), range: null };
}

function byClass(data: RunData, classes: Uint16Array): PointColours {
  const most = Math.max(0, ...data.classTable.map(({ id }) => id));
  const palette: MarkerStyle[] = Array.from({ length: most + 1 }, () => UNSTYLED);
  for (const { id, colour, glyph } of data.classTable) palette[id] = classStyle(colour, glyph);
  const counts = new Uint32Array(65536);
  for (let row = 0; row < data.count; row++) counts[classes[row]]++;
  const legend: LegendEntry[] = data.classTable
    .filter(({ id }) => counts[id] > 0)
    .map(({ id, name }) => ({ title: name, style: palette[id], n: counts[id], value: String(id) }));
  if (counts[0] > 0) legend.push({ title: "without a name", style: UNSTYLED, n: counts[0], value: null });
  return { styles: classes.slice(), palette, legend, range: null };
}

function byState(data: RunData): PointColours {
  const names = ["untouched", "predicted", "validated", "dubious", "excluded"];
  // Grey, light blue, blue, orange, red: different in lightness as well as in hue.
  const palette = [UNSTYLED, ...[7, 0, 1, 2].map((i) => ({ rgb: groupStyle(i).rgb, marker: i % 4 }))];
  const counts = new Uint32Array(5);
  for (let row = 0; row < data.count; row++) counts[data.states[row]]++;
  const legend = names
    .map((title, i) => ({ title, style: palette[i], n: counts[i], value: STATES[i] }))
    .filter(({ n }) => n > 0);
  return { styles: Uint16Array.from(data.states), palette, legend, range: null };
}

function byNumber(values: Float32Array): PointColours {
  const [low, high] = spread(values);
  const styles = new Uint16Array(values.length);
  for (let row = 0; row < values.length; row++) {
    const share = (values[row] - low) / (high - low || 1);
    styles[row] = Number.isNaN(values[row]) ? 256 : Math.round(Math.max(0, Math.min(1, share)) * 255);
  }
  const palette: MarkerStyle[] = [...colourRamp().map((rgb) => ({ rgb, marker: 0 })), UNSTYLED];
  return { styles, palette, legend: [], range: [low, high] };
}

function byCode(codes: ArrayLike<number>, dictionary: string[]): PointColours {
  const styles = new Uint16Array(codes.length);
  const counts = new Uint32Array(dictionary.length + 1);
  for (let row = 0; row < codes.length; row++) {
    styles[row] = codes[row] < MAX_STYLES ? codes[row] : 0;
    counts[codes[row]]++;
  }
  const palette = [UNSTYLED, ...dictionary.slice(0, MAX_STYLES).map((_, i) => groupStyle(i))];
  const legend = dictionary
    .slice(0, MAX_STYLES)
    .map((title, i) => ({ title, style: palette[i + 1], n: counts[i + 1], value: title }));
  return { styles, palette, legend: legend.sort((a, b) => b.n - a.n), range: null };
}

function byParts(data: RunData, parts: ReadonlyMap<number, number>): PointColours {
  const styles = new Uint16Array(data.count);
  const counts = new Uint32Array(256);
  for (const [row, part] of parts) {
    styles[row] = part + 1;
    counts[part]++;
  }
  const k = Math.max(0, ...parts.values()) + 1;
  const palette = [UNSTYLED, ...Array.from({ length: k }, (_, part) => groupStyle(part))];
  const legend = palette.slice(1).map((style, part) => ({ title: `Part ${part + 1}`, style, n: counts[part] }));
  return { styles, palette, legend, range: null };
}

/** Returns the 1st and the 99th percentile of the values, from a sample of at most 10,000. */
function spread(values: Float32Array): [number, number] {
  const stride = Math.max(1, Math.floor(values.length / 10_000));
  const sample: number[] = [];
  for (let i = 0; i < values.length; i += stride) if (!Number.isNaN(values[i])) sample.push(values[i]);
  sample.sort((a, b) => a - b);
  if (sample.length === 0) return [0, 1];
  return [sample[Math.floor(sample.length * 0.01)], sample[Math.ceil(sample.length * 0.99) - 1]];
}
