import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Toasts } from "./toasts.svelte";

describe("messages", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const texts = (toasts: Toasts): string[] => toasts.list.map(({ text }) => text);

  it("stay until the next one comes", () => {
    const toasts = new Toasts();
    toasts.add("Named 3 images");
    vi.advanceTimersByTime(60_000);
    expect(texts(toasts)).toEqual(["Named 3 images"]);
    toasts.add("Excluded 2 images");
    expect(texts(toasts)).toEqual(["Excluded 2 images"]);
  });

  it("are shown together if they come together, and the older one goes first", () => {
    const toasts = new Toasts();
    toasts.add("Named 3 images", "done", true);
    toasts.add("Every image has a name");
    expect(texts(toasts)).toEqual(["Named 3 images", "Every image has a name"]);
    vi.advanceTimersByTime(7000);
    expect(texts(toasts)).toEqual(["Every image has a name"]);
  });

  it("offer the undo of the latest action alone", () => {
    const toasts = new Toasts();
    toasts.add("Named 3 images", "done", true);
    toasts.add("Named 4 images", "done", true);
    expect(texts(toasts)).toEqual(["Named 4 images"]);
  });
});
