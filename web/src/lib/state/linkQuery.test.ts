import { expect, it } from "vitest";
import { parseLink, formatLink } from "./linkQuery";

it("a link gives the view back, whatever the names", () => {
  const link = { run: "a&b=c #?", colour: "column:área µm²", target: "group:-1", camera: "0.1,-0.2,3", upright: "1" };
  expect(parseLink(formatLink(link))).toEqual(link);
});

it("a link leaves out what is not part of a view", () => {
  expect(parseLink("?token=secret&run=a")).toEqual({ run: "a" });
});
