import { describe, expect, it } from "vitest";
import { contrast, toHex, groupStyle, colourRamp, fromHex, withContrast } from "./styles";

const LIGHT = fromHex("#ffffff");
const DARK = fromHex("#14171c");

describe("looks", () => {
  it("give 64 groups 64 looks", () => {
    const looks = new Set(Array.from({ length: 64 }, (_, group) => JSON.stringify(groupStyle(group))));
    expect(looks.size).toBe(64);
  });

  it("stand out from light and dark ground by 3 : 1", () => {
    for (let group = -1; group < 8; group++) {
      for (const ground of [LIGHT, DARK]) {
        expect(contrast(withContrast(groupStyle(group).rgb, ground), ground)).toBeGreaterThanOrEqual(3);
      }
    }
  });

  it("measure contrast as WCAG does", () => {
    expect(contrast(fromHex("#000000"), LIGHT)).toBeCloseTo(21);
    expect(contrast(fromHex("#777777"), LIGHT)).toBeCloseTo(4.48, 2);
  });

  it("go through hexadecimal and back", () => {
    expect(toHex(fromHex("#3f90da"))).toBe("#3f90da");
    expect(toHex(fromHex("red; } body { display: none"))).toBe("#999999");
  });

  it("colourRamp grows lighter", () => {
    const steps = colourRamp();
    expect(toHex(steps[0])).toBe("#00224e");
    expect(toHex(steps[255])).toBe("#fee838");
  });
});
