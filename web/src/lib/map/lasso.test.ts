import { describe, expect, it } from "vitest";
import { rowsInPolygon, rowsUnderBrush, type Point } from "./lasso";

function inPolygon(x: number, y: number, polygon: readonly Point[]): boolean {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [xi, yi] = polygon[i];
    const [xj, yj] = polygon[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

function scattered(count: number): Float32Array {
  let seed = 12345;
  return Float32Array.from({ length: 2 * count }, () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed / 2 ** 32) * 2 - 1;
  });
}

describe("lasso", () => {
  const star: Point[] = Array.from({ length: 20 }, (_, i) => {
    const radius = i % 2 ? 0.35 : 0.9;
    return [radius * Math.cos((i * Math.PI) / 10), radius * Math.sin((i * Math.PI) / 10)];
  });

  it("finds what the exact test finds, but for points on the rim", () => {
    const positions = scattered(100_000);
    const found = new Set(rowsInPolygon(positions, star));
    let wrong = 0;
    let inside = 0;
    for (let row = 0; row < 100_000; row++) {
      const truth = inPolygon(positions[2 * row], positions[2 * row + 1], star);
      inside += Number(truth);
      wrong += Number(truth !== found.has(row));
    }
    expect(inside).toBeGreaterThan(10_000);
    expect(wrong).toBeLessThan(inside * 0.003);
  });

  it("of a square takes exactly what is in it", () => {
    const positions = Float32Array.of(0, 0, 0.9, 0, 0.49, 0.49, -0.51, 0);
    const square: Point[] = [
      [-0.5, -0.5],
      [0.5, -0.5],
      [0.5, 0.5],
      [-0.5, 0.5],
    ];
    expect([...rowsInPolygon(positions, square)]).toEqual([0, 2]);
  });

  it("of a line is nothing", () => {
    expect(rowsInPolygon(scattered(100), [[0, 0], [1, 1]])).toHaveLength(0); // prettier-ignore
  });

  it("brush takes what is near the stroke, also between its points", () => {
    const positions = Float32Array.of(0.5, 0.05, 0.5, 0.2, 1.05, 0, -0.2, 0);
    expect([...rowsUnderBrush(positions, [[0, 0], [1, 0]], 0.1)]).toEqual([0, 2]); // prettier-ignore
  });
});
