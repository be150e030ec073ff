import { beforeEach, expect, it, vi } from "vitest";
import { Keys, keyWord, whyNot } from "./keys.svelte";

const COMMANDS = [
  { id: "exclude", keys: ["e"], title: "Exclude" },
  { id: "dubious", keys: ["d"], title: "Dubious" },
  { id: "redo", keys: ["ctrl+shift+Z", "ctrl+y"], title: "Redo" },
];
const store = new Map<string, string>();
vi.stubGlobal("localStorage", {
  getItem: (key: string) => store.get(key) ?? null,
  setItem: (key: string, value: string) => void store.set(key, value),
  removeItem: (key: string) => void store.delete(key),
});
beforeEach(() => store.clear());

it("a key that is given to a command leaves the one that had it, and is kept for the person", () => {
  const keys = new Keys();
  keys.load("Ada");
  keys.set(COMMANDS[0], "d", COMMANDS);
  expect(keys.holder("d", COMMANDS)?.id).toBe("exclude");
  expect(keys.holder("e", COMMANDS)).toBeUndefined();
  expect(keys.of(COMMANDS[1])).toEqual([]);
  const again = new Keys();
  again.load("Bo");
  expect(again.holder("d", COMMANDS)?.id).toBe("dubious");
  again.load("Ada");
  expect(again.holder("d", COMMANDS)?.id).toBe("exclude");
  again.reset(COMMANDS[1], COMMANDS);
  expect(again.holder("d", COMMANDS)?.id).toBe("dubious");
  again.reset(null, COMMANDS);
  expect(again.of(COMMANDS[0])).toEqual(["e"]);
  expect(store.size).toBe(0);
});

it("digits, keys that move, and keys of the browser are refused", () => {
  for (const key of ["3", "shift+3", "Enter", "ArrowLeft", "Escape", "ctrl+t", "ctrl+w"])
    expect(whyNot(key), key).toBeTruthy();
  expect(whyNot("Shift")).toBe("");
  for (const key of ["e", "shift+E", "ctrl+z", "ö", ";", " "]) expect(whyNot(key), key).toBeNull();
});

it("damaged keys in the browser are ignored", () => {
  store.set("facies-keys:Ada", "{");
  const keys = new Keys();
  keys.load("Ada");
  expect(keys.chosen).toEqual({});
  store.set("facies-keys:Ada", JSON.stringify({ exclude: 7, dubious: ["3"], redo: ["y"] }));
  keys.load("Ada");
  expect(keys.chosen).toEqual({ redo: ["y"] });
});

it("keys are written as people say them", () => {
  expect([" ", "ctrl+shift+Z", "shift+E", "+"].map(keyWord)).toEqual(["space", "ctrl shift z", "shift e", "+"]);
});
