import { expect, it } from "vitest";
import { timeLeft } from "./timeLeft";

it("says how long something still takes, once it can be told", () => {
  expect(timeLeft(0.5, 0.3)).toBe("");
  expect(timeLeft(0.001, 20)).toBe("");
  expect(timeLeft(0.25, 10)).toBe("about 30 s left");
  expect(timeLeft(0.1, 60)).toBe("about 9 min left");
  expect(timeLeft(0.99, 60)).toBe("nearly done");
});
