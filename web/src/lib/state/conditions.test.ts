import { expect, it } from "vitest";
import {
  allows,
  describeCondition,
  formatFilter,
  parseFilter,
  toggleValue,
  withCondition,
  withoutField,
  type Condition,
} from "./conditions";

const SAMPLE: Condition = { field: "column:sample", values: ["S01"] };
const AREA: Condition = { field: "column:area", low: 1, high: 2 };

it("a field has one condition, and keeps its place", () => {
  const both = withCondition([SAMPLE], AREA);
  expect(both).toEqual([SAMPLE, AREA]);
  const other = { ...SAMPLE, values: ["S02"] };
  expect(withCondition(both, other)).toEqual([other, AREA]);
  expect(withCondition(both, { field: "column:sample", values: [] })).toEqual([AREA]);
  expect(withoutField(both, "column:area")).toEqual([SAMPLE]);
});

it("values are toggled, and no value is one of them", () => {
  const both = toggleValue(SAMPLE, "S02");
  expect(both.values).toEqual(["S01", "S02"]);
  expect(toggleValue(both, "S01").values).toEqual(["S02"]);
  const missing = toggleValue(SAMPLE, null);
  expect([allows(missing, null), allows(missing, "S01"), allows(missing, "S02"), allows(undefined, null)]).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

it("a filter survives the address", () => {
  const filter: Condition[] = [
    SAMPLE,
    AREA,
    { field: "id", text: "a", how: "begins" },
    { field: "class", missing: true },
  ];
  expect(parseFilter(formatFilter(filter))).toEqual(filter);
  expect(formatFilter([])).toBe("");
});

it("whatever stands in an address is read without harm", () => {
  for (const text of ["{", "null", "3", '"x"', "{}", "[null, 3, [], {}]", '[{"field": 3}]', undefined]) {
    expect(parseFilter(text)).toEqual([]);
  }
  expect(parseFilter('[{"field": "a", "low": "1", "values": [1, "2", {}], "how": "regex", "x": 1}]')).toEqual([
    { field: "a", values: ["2"] },
  ]);
  expect(parseFilter(JSON.stringify(Array.from({ length: 99 }, (_, i) => ({ field: `${i}`, low: 0 }))))).toHaveLength(
    50,
  );
});

it("conditions are said in words", () => {
  const name = (value: string): string => value.toUpperCase();
  expect(describeCondition({ field: "s", values: ["a", "b"], missing: true }, "Sample", name)).toBe(
    "Sample: A, B or no value",
  );
  expect(describeCondition(AREA, "Area", name)).toBe("Area: 1 to 2");
  expect(describeCondition({ field: "x", high: 1234.5678 }, "X", name)).toBe("X: up to 1,235");
  expect(describeCondition({ field: "id", text: "q" }, "Id", name)).toBe("Id: contains “q”");
});
