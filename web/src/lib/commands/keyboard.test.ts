import { expect, it, vi } from "vitest";

vi.mock("./commandList", () => ({ COMMANDS: [], run: () => undefined }));
vi.mock("./naming", () => ({ assignClass: () => undefined }));
vi.mock("../state/atlas.svelte", () => ({ atlas: {} }));
const { keyName } = await import("./keyboard");

const press = (key: string, held: { ctrlKey?: boolean; metaKey?: boolean; shiftKey?: boolean } = {}) =>
  keyName({ key, ctrlKey: false, metaKey: false, shiftKey: false, ...held });

it("keys have one name on every keyboard", () => {
  expect(press("v")).toBe("v");
  expect(press("?", { shiftKey: true })).toBe("?");
  expect(press("z", { ctrlKey: true })).toBe("ctrl+z");
  expect(press("z", { metaKey: true, shiftKey: true })).toBe("ctrl+shift+Z");
  expect(press("Z", { ctrlKey: true, shiftKey: true })).toBe("ctrl+shift+Z");
  expect(press(" ", { shiftKey: true })).toBe("shift+ ");
});
