import { describe, expect, it } from "vitest";
import { answerPage, undoAnswer, startSearch } from "./boundarySearch";

function presses(pages: number, boundary: number): number {
  let search = startSearch(pages);
  let count = 0;
  while (!search.done) {
    search = answerPage(search, search.page < boundary);
    count++;
  }
  expect(search.good + 1).toBe(boundary);
  return count;
}

describe("growing by bisection", () => {
  it("finds every boundary", () => {
    for (let boundary = 0; boundary <= 60; boundary++) presses(60, boundary);
  });

  it("needs few answers for 2,000 pages", () => {
    const counts = Array.from({ length: 2001 }, (_, boundary) => presses(2000, boundary)).sort((a, b) => a - b);
    expect(counts[1000]).toBeLessThanOrEqual(20);
    expect(counts.at(-1)).toBeLessThanOrEqual(23);
  });

  it("goes back by one answer", () => {
    const first = answerPage(startSearch(100), true);
    expect(undoAnswer(answerPage(first, false))).toEqual(first);
  });

  it("of nothing is done", () => {
    expect(startSearch(0).done).toBe(true);
  });
});
