import { describe, expect, it } from "vitest";
import { difference, combine, pack, rowsEqual, rowsWhere, union, unpack } from "./rows";

const rows = (...list: number[]) => Uint32Array.from(list);

describe("rows", () => {
  it("come back from their bits", () => {
    for (const count of [1, 7, 8, 9, 1000]) {
      const some = rowsWhere(count, (row) => (row * 7919) % 3 === 0);
      expect(unpack(pack(some, count), count)).toEqual(some);
    }
  });

  it("are packed least significant bit first", () => {
    expect([...pack(rows(0, 9), 10)]).toEqual([1, 2]);
  });

  it("leave out bits beyond the last row", () => {
    expect([...unpack(Uint8Array.of(0xff), 3)]).toEqual([0, 1, 2]);
  });

  it("join by adding and removing", () => {
    expect([...union(rows(1, 5), rows(3, 5), 8)]).toEqual([1, 3, 5]);
    expect([...difference(rows(1, 3, 5), rows(3), 8)]).toEqual([1, 5]);
    expect([...combine(rows(1), rows(2), "replace", 8)]).toEqual([2]);
    expect([...combine(rows(1), rows(2), "add", 8)]).toEqual([1, 2]);
    expect([...combine(rows(1, 2), rows(2), "remove", 8)]).toEqual([1]);
  });

  it("are found by value", () => {
    expect([...rowsEqual(Int32Array.of(2, -1, 2), 2)]).toEqual([0, 2]);
  });
});
