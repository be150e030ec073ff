import { describe, expect, it } from "vitest";
import { visibleBox, cameraForBox, toPlane, toScreen, WHOLE_MAP, zoomCamera } from "./camera";

describe("camera", () => {
  const camera = { x: 0.3, y: -0.2, zoom: 7 };

  it("goes to the screen and back", () => {
    const [px, py] = toScreen(camera, 800, 600, 0.35, -0.21);
    const [x, y] = toPlane(camera, 800, 600, px, py);
    expect(x).toBeCloseTo(0.35);
    expect(y).toBeCloseTo(-0.21);
  });

  it("zooms about the place under the pointer", () => {
    const before = toPlane(camera, 800, 600, 100, 50);
    const after = toPlane(zoomCamera(camera, 800, 600, 3, 100, 50), 800, 600, 100, 50);
    expect(after[0]).toBeCloseTo(before[0]);
    expect(after[1]).toBeCloseTo(before[1]);
  });

  it("shows all of a box", () => {
    const box = { left: -0.5, bottom: 0.1, right: 0.1, top: 0.2 };
    const view = visibleBox(cameraForBox(box, 800, 600), 800, 600);
    expect(view.left).toBeLessThan(box.left);
    expect(view.right).toBeGreaterThan(box.right);
    expect(view.top).toBeGreaterThan(box.top);
  });

  it("shows the whole plane at first", () => {
    const view = visibleBox(WHOLE_MAP, 800, 600);
    expect(Math.max(view.left, view.bottom)).toBeLessThan(-1);
  });
});
