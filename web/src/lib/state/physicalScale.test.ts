import { describe, expect, it } from "vitest";
import { commonScale, lengthInWords, scaleBar } from "./physicalScale";

describe("scale bars", () => {
  it("have round lengths that fit", () => {
    expect(scaleBar(3, 100)).toEqual({ px: 200 / 3, words: "200 µm" });
    expect(scaleBar(10, 100)).toEqual({ px: 100, words: "1 mm" });
    expect(scaleBar(0.01, 60).words).toBe("500 nm");
    for (const umPerPx of [0.0021, 0.37, 1, 4.9, 77]) {
      const { px } = scaleBar(umPerPx, 80);
      expect(px).toBeLessThanOrEqual(80.0001);
      expect(px).toBeGreaterThan(80 / 2.6);
    }
  });

  it("name their unit", () => {
    expect([0.25, 20, 5000, 2e6].map(lengthInWords)).toEqual(["250 nm", "20 µm", "5 mm", "2 m"]);
  });
});

describe("one scale for all", () => {
  const sizes = { width: [100, 400, NaN, 90], height: [100, 200, NaN, 800] };

  it("is that at which the largest just fits", () => {
    const scale = commonScale(sizes, [0, 1, 2], 64)!;
    expect(400 / scale).toBeLessThanOrEqual(64);
    expect(400 / scale).toBeGreaterThan(64 / 10 ** (1 / 8) - 0.001);
    expect(commonScale(sizes, [3], 64)! * 64).toBeGreaterThanOrEqual(800);
  });

  it("is unknown where no size is known", () => {
    expect(commonScale(sizes, [2], 64)).toBe(null);
    expect(commonScale(sizes, [], 64)).toBe(null);
  });
});
