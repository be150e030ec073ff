import { describe, expect, it } from "vitest";
import { visibleCells, moveCursor, gridLayout, fullyVisibleCells } from "./gridLayout";

describe("layout", () => {
  const layout = gridLayout(1000, 460, 72, 4, 0);

  it("fills its width", () => {
    expect(layout.columns).toBe(6);
    expect(layout.height).toBe(Math.ceil(1000 / 6) * 76);
  });

  it("draws only what is in view", () => {
    expect(visibleCells(layout, 1000, 0, 300)).toEqual([0, 24]);
    expect(visibleCells(layout, 1000, 760, 76, 1)).toEqual([54, 72]);
    expect(visibleCells(layout, 10, 0, 5000)).toEqual([0, 10]);
  });

  it("has a page of the cells that are wholly in view", () => {
    expect(fullyVisibleCells(layout, 1000, 10, 300)).toEqual([6, 24]);
    expect(fullyVisibleCells(layout, 1000, 0, 20)).toEqual([0, 6]);
  });

  it("moves its cursor by keys, and never over the edge", () => {
    expect(moveCursor("ArrowDown", 0, 1000, layout, 24)).toBe(6);
    expect(moveCursor("ArrowLeft", 0, 1000, layout, 24)).toBe(0);
    expect(moveCursor("End", 3, 1000, layout, 24)).toBe(999);
    expect(moveCursor("q", 3, 1000, layout, 24)).toBeNull();
    expect(moveCursor("ArrowDown", 0, 0, layout, 24)).toBeNull();
  });
});
