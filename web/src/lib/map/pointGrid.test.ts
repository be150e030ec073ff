import { describe, expect, it } from "vitest";
import { PointGrid } from "./pointGrid";

const positions = Float32Array.from({ length: 4000 }, (_, i) => Math.sin(i * 12.9898) * 0.99);
const grid = new PointGrid(positions);

describe("grid", () => {
  it("finds the nearest point that a look at all points finds", () => {
    for (const [x, y] of [
      [0, 0],
      [0.3, -0.7],
      [-0.99, 0.99],
    ] as const) {
      // prettier-ignore
      let best = -1;
      let closest = 0.04;
      for (let row = 0; row < 2000; row++) {
        const square = (positions[2 * row] - x) ** 2 + (positions[2 * row + 1] - y) ** 2;
        if (square <= closest) [closest, best] = [square, row];
      }
      expect(grid.nearest(x, y, 0.2)).toBe(best);
    }
  });

  it("finds nothing where nothing is near", () => {
    expect(grid.nearest(5, 5, 0.1)).toBe(-1);
  });

  it("lists a box, and gives up beyond the limit", () => {
    const found = grid.inBox(-0.1, -0.1, 0.1, 0.1, 1e6)!;
    const truth = Array.from({ length: 2000 }, (_, row) => row).filter(
      (row) => Math.abs(positions[2 * row]) <= 0.1 && Math.abs(positions[2 * row + 1]) <= 0.1,
    );
    expect(found.sort((a, b) => a - b)).toEqual(truth);
    expect(grid.inBox(-1, -1, 1, 1, 100)).toBeNull();
  });

  it("takes points that all lie at one place", () => {
    expect(new PointGrid(new Float32Array(20)).nearest(0, 0, 0.01)).toBeGreaterThanOrEqual(0);
  });
});
