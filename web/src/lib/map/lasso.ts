/** Selects the points in a polygon, by drawing the polygon into a raster and looking each point up in it. */

import type { Rows } from "../state/rows";

export type Point = readonly [number, number];

const SIDE = 2048;

/**
 * Fills a polygon (even-odd rule) into a square raster that covers its bounding box.
 * Each raster line is filled between the crossings of its middle with the edges.
 */
export function rasterise(polygon: readonly Point[], side = SIDE): Raster {
  let left = Infinity;
  let right = -Infinity;
  let bottom = Infinity;
  let top = -Infinity;
  for (const [x, y] of polygon) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    bottom = Math.min(bottom, y);
    top = Math.max(top, y);
  }
  const scaleX = side / (right - left || 1);
  const scaleY = side / (top - bottom || 1);
  const inside = new Uint8Array(side * side);
  const crossings: number[][] = Array.from({ length: side }, () => []);
  for (let i = 0; i < polygon.length; i++) {
    const [x0, y0] = polygon[i];
    const [x1, y1] = polygon[(i + 1) % polygon.length];
    const a = (y0 - bottom) * scaleY;
    const b = (y1 - bottom) * scaleY;
    const first = Math.max(0, Math.ceil(Math.min(a, b) - 0.5));
    const last = Math.min(side - 1, Math.ceil(Math.max(a, b) - 0.5) - 1);
    for (let row = first; row <= last; row++) {
      const t = (row + 0.5 - a) / (b - a);
      crossings[row].push((x0 + t * (x1 - x0) - left) * scaleX);
    }
  }
  for (let row = 0; row < side; row++) {
    const xs = crossings[row].sort((p, q) => p - q);
    for (let i = 0; i + 1 < xs.length; i += 2) {
      inside.fill(1, row * side + Math.max(0, Math.round(xs[i])), row * side + Math.min(side, Math.round(xs[i + 1])));
    }
  }
  return { left, right, bottom, top, scaleX, scaleY, side, inside };
}

interface Raster {
  left: number;
  right: number;
  bottom: number;
  top: number;
  scaleX: number;
  scaleY: number;
  side: number;
  inside: Uint8Array;
}

/** Returns the rows of the points inside a polygon; `positions` holds x and y of each point, interleaved. */
export function rowsInPolygon(positions: Float32Array, polygon: readonly Point[], side = SIDE): Rows {
  if (polygon.length < 3) return new Uint32Array(0);
  const { left, right, bottom, top, scaleX, scaleY, inside } = rasterise(polygon, side);
  const count = positions.length >> 1;
  const rows = new Uint32Array(count);
  let n = 0;
  for (let row = 0; row < count; row++) {
    const x = positions[2 * row];
    const y = positions[2 * row + 1];
    if (x < left || x >= right || y < bottom || y >= top) continue;
    const column = Math.min(side - 1, ((x - left) * scaleX) | 0);
    const line = Math.min(side - 1, ((y - bottom) * scaleY) | 0);
    if (inside[line * side + column]) rows[n++] = row;
  }
  return rows.slice(0, n);
}

/** Returns the rows of the points at most `radius` away from a stroke. */
export function rowsUnderBrush(positions: Float32Array, stroke: readonly Point[], radius: number): Rows {
  const count = positions.length >> 1;
  const rows = new Uint32Array(count);
  const square = radius * radius;
  let n = 0;
  const xs = stroke.map(([x]) => x);
  const ys = stroke.map(([, y]) => y);
  const left = Math.min(...xs) - radius;
  const right = Math.max(...xs) + radius;
  const bottom = Math.min(...ys) - radius;
  const top = Math.max(...ys) + radius;
  for (let row = 0; row < count; row++) {
    const x = positions[2 * row];
    const y = positions[2 * row + 1];
    if (x < left || x > right || y < bottom || y > top) continue;
    for (let i = 0; i < stroke.length; i++) {
      if (distanceSquared(x, y, xs[Math.max(0, i - 1)], ys[Math.max(0, i - 1)], xs[i], ys[i]) <= square) {
        rows[n++] = row;
        break;
      }
    }
  }
  return rows.slice(0, n);
}

function distanceSquared(x: number, y: number, x0: number, y0: number, x1: number, y1: number): number {
  const dx = x1 - x0;
  const dy = y1 - y0;
  const length = dx * dx + dy * dy;
  const t = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / length));
  const px = x0 + t * dx - x;
  const py = y0 + t * dy - y;
  return px * px + py * py;
}
