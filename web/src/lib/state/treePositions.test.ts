import { expect, test } from "vitest";
import { nearestPosition, treePositions } from "./treePositions";

test("one arrow key is one group up to a hundred, and a twentieth beyond", () => {
  expect(treePositions(5)).toEqual([2, 3, 4, 5]);
  const many = treePositions(2000);
  expect(many.slice(0, 99)).toEqual(Array.from({ length: 99 }, (_, i) => i + 2));
  expect(many.at(-1)).toBe(2000);
  expect(many.length).toBeLessThan(200);
  for (let i = 1; i < many.length; i++) expect(many[i]).toBeGreaterThan(many[i - 1]);
});

test("a tree that is not split has no stops", () => {
  expect(treePositions(1)).toEqual([]);
});

test("the slider stands at the stop nearest to the groups that there are", () => {
  expect(nearestPosition([2, 3, 4, 5], 4)).toBe(2);
  expect(nearestPosition([2, 3, 4, 5], 60)).toBe(3);
  expect(nearestPosition([2, 3, 4, 5], 1)).toBe(0);
});
