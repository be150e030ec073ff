import { expect, it } from "vitest";
import { searchNames } from "./nameSearch";

const rows = ["dark grain", "quartz", "Forâm whole", "foram fragment", "transform"].map((name) => ({ name }));
const names = (typed: string) => searchNames(rows, typed).map(({ name }) => name);

it("finds by beginnings first, whatever case and accents", () => {
  expect(names("foram")).toEqual(["Forâm whole", "foram fragment"]);
  expect(names("fo")).toEqual(["Forâm whole", "foram fragment", "transform"]);
  expect(names("gr")).toEqual(["dark grain"]);
  expect(names("zzz")).toEqual([]);
  expect(names(" ")).toHaveLength(5);
});
