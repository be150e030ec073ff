import { expect, it } from "vitest";
import { placeOf, rangeOf, type Bins } from "./histogram";

const LINEAR: Bins = { edges: [0, 10, 20, 30, 40], scale: "linear" };
const LOG: Bins = { edges: [1, 10, 100, 1000], scale: "log" };

it("a brush takes whole bins, and is open at the ends", () => {
  expect(rangeOf(0.3, 0.6, LINEAR)).toEqual({ low: 10, high: 30 });
  expect(rangeOf(0.6, 0.3, LINEAR)).toEqual({ low: 10, high: 30 });
  expect(rangeOf(0, 0.5, LINEAR)).toEqual({ high: 20 });
  expect(rangeOf(0.75, 1.2, LINEAR)).toEqual({ low: 30 });
  expect(rangeOf(0, 1, LINEAR)).toEqual({});
  expect(rangeOf(0.4, 0.4, LINEAR)).toEqual({ low: 10, high: 20 });
});

it("a value has its place on either scale", () => {
  expect([-5, 0, 20, 99].map((value) => placeOf(value, LINEAR))).toEqual([0, 0, 0.5, 1]);
  expect(placeOf(100, LOG)).toBeCloseTo(2 / 3);
  expect(placeOf(-1, LOG)).toBe(0);
  expect(placeOf(3, { edges: [3, 3], scale: "linear" })).toBe(0);
});
