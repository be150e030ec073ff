import { describe, expect, it } from "vitest";
import { scaleEnd } from "./shareScale";

describe("the scale of shares", () => {
  it("holds all of them, and not much more", () => {
    expect(scaleEnd([0.116, 0.177, 0.094])).toBe(0.2);
    expect(scaleEnd([0.05])).toBe(0.05);
    expect(scaleEnd([0.93])).toBe(1);
    expect(scaleEnd([1])).toBe(1);
  });

  it("is there without any", () => {
    expect(scaleEnd([])).toBe(0.02);
    expect(scaleEnd([null, 0.3])).toBe(0.3);
  });
});
