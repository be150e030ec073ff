import { describe, expect, it } from "vitest";
import { contrast, hexOf, lookOfGroup, ramp, rgbOf, standingOut } from "./looks";

const LIGHT = rgbOf("#ffffff");
const DARK = rgbOf("#14171c");

describe("looks", () => {
  it("give 64 groups 64 looks", () => {
    const looks = new Set(Array.from({ length: 64 }, (_, group) => JSON.stringify(lookOfGroup(group))));
    expect(looks.size).toBe(64);
  });

  it("stand out from light and dark ground by 3 : 1", () => {
    for (let group = -1; group < 8; group++) {
      for (const ground of [LIGHT, DARK]) {
        expect(contrast(standingOut(lookOfGroup(group).rgb, ground), ground)).toBeGreaterThanOrEqual(3);
      }
    }
  });

  it("measure contrast as WCAG does", () => {
    expect(contrast(rgbOf("#000000"), LIGHT)).toBeCloseTo(21);
    expect(contrast(rgbOf("#777777"), LIGHT)).toBeCloseTo(4.48, 2);
  });

  it("go through hexadecimal and back", () => {
    expect(hexOf(rgbOf("#3f90da"))).toBe("#3f90da");
    expect(hexOf(rgbOf("red; } body { display: none"))).toBe("#999999");
  });

  it("ramp grows lighter", () => {
    const steps = ramp();
    expect(hexOf(steps[0])).toBe("#00224e");
    expect(hexOf(steps[255])).toBe("#fee838");
  });
});
