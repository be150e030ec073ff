import { describe, expect, it } from "vitest";
import { countImages } from "./counts";

describe("countImages", () => {
  const classes = Uint16Array.of(1, 1, 2, 0, 2, 0);
  const states = Uint8Array.of(2, 1, 3, 0, 4, 4);
  const groups = Int32Array.of(7, 7, 7, -1, -1, 7);
  const counts = countImages(classes, states, groups);

  it("counts classes without the excluded", () => {
    expect(counts.classes.get(1)).toEqual({ n: 2, validated: 1, predicted: 1, dubious: 0 });
    expect(counts.classes.get(2)).toEqual({ n: 1, validated: 0, predicted: 0, dubious: 1 });
    expect(counts.unnamed).toBe(1);
    expect(counts.excluded).toBe(2);
  });

  it("counts groups and finds the class of most", () => {
    expect(counts.groups.get(7)).toEqual({ size: 4, named: 3, excluded: 1, validated: 1, class: 1 });
    expect(counts.groups.get(-1)).toEqual({ size: 2, named: 0, excluded: 1, validated: 0, class: 0 });
  });

  it("takes no images at all", () => {
    const none = countImages(new Uint16Array(0), new Uint8Array(0), new Int32Array(0));
    expect(none.unnamed).toBe(0);
    expect(none.groups.size).toBe(0);
  });
});
