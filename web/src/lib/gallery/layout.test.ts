import { describe, expect, it } from "vitest";
import { inView, movedBy, wallOf, whollyInView } from "./layout";

describe("wall", () => {
  const wall = wallOf(1000, 460, 72, 4, 0);

  it("fills its width", () => {
    expect(wall.columns).toBe(6);
    expect(wall.height).toBe(Math.ceil(1000 / 6) * 76);
  });

  it("draws only what is in view", () => {
    expect(inView(wall, 1000, 0, 300)).toEqual([0, 24]);
    expect(inView(wall, 1000, 760, 76, 1)).toEqual([54, 72]);
    expect(inView(wall, 10, 0, 5000)).toEqual([0, 10]);
  });

  it("has a page of the cells that are wholly in view", () => {
    expect(whollyInView(wall, 1000, 10, 300)).toEqual([6, 24]);
    expect(whollyInView(wall, 1000, 0, 20)).toEqual([0, 6]);
  });

  it("moves its cursor by keys, and never over the edge", () => {
    expect(movedBy("ArrowDown", 0, 1000, wall, 24)).toBe(6);
    expect(movedBy("ArrowLeft", 0, 1000, wall, 24)).toBe(0);
    expect(movedBy("End", 3, 1000, wall, 24)).toBe(999);
    expect(movedBy("q", 3, 1000, wall, 24)).toBeNull();
    expect(movedBy("ArrowDown", 0, 0, wall, 24)).toBeNull();
  });
});
