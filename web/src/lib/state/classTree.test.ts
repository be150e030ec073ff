import { expect, it } from "vitest";
import { treeLines } from "./classTree";

it("each class is followed by what lies below it", () => {
  const classes = [
    { id: 1, parent: 3 },
    { id: 2, parent: 0 },
    { id: 3, parent: 4 },
    { id: 4, parent: 0 },
    { id: 5, parent: 99 },
  ];
  const lines = treeLines(classes);
  expect(lines.map(({ row, depth }) => [row.id, depth])).toEqual([
    [2, 0],
    [4, 0],
    [3, 1],
    [1, 2],
    [5, 0],
  ]);
  expect(lines[1].all).toEqual([4, 3, 1]);
});
