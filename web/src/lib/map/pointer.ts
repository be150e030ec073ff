/** Turns pointer events on the map into moves, zooms, strokes of the lasso or brush, hovers and clicks. */

import type { SelectionMode } from "../state/rows";
import type { Tool } from "../state/view.svelte";
import type { Point } from "./lasso";

export interface Gestures {
  tool(): Tool;
  toPlane(px: number, py: number): Point;
  pan(dx: number, dy: number): void;
  /** Two fingers have moved apart or together about a place. */
  zoom(factor: number, px: number, py: number): void;
  /** A stroke has become longer. */
  stroke(points: readonly Point[], mode: SelectionMode, brush: boolean): void;
  /** A stroke has ended; `points` is null if it was cancelled. */
  strokeDone(points: readonly Point[] | null, mode: SelectionMode, brush: boolean): void;
  /** A pointer is over a place, or a finger rests there. */
  hover(px: number, py: number): void;
  click(px: number, py: number): void;
}

const STILL_PX = 4;
const STILL_FINGER_PX = 10;
const REST_MS = 500;

export function selectionMode(event: { shiftKey: boolean; altKey: boolean }): SelectionMode {
  return event.altKey ? "remove" : event.shiftKey ? "add" : "replace";
}

/** Returns the middle of two places and the distance between them. */
export function pinchOf([a, b]: readonly (readonly [number, number])[]): { x: number; y: number; distance: number } {
  return { x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2, distance: Math.max(1, Math.hypot(a[0] - b[0], a[1] - b[1])) };
}

/** Listens to the pointer on an element until the returned function is called. */
export function followPointer(element: HTMLElement, gestures: Gestures): () => void {
  let held: { x: number; y: number; lastX: number; lastY: number; moved: boolean } | null = null;
  let points: Point[] | null = null;
  let mode: SelectionMode = "replace";
  let brush = false;
  let resting = 0;
  /** Places of the fingers on the map, by pointer. */
  const fingers = new Map<number, [number, number]>();
  let pinching = false;

  const place = (event: PointerEvent): [number, number] => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const down = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    const [x, y] = place(event);
    element.setPointerCapture(event.pointerId);
    if (event.pointerType === "touch") {
      fingers.set(event.pointerId, [x, y]);
      clearTimeout(resting);
      if (fingers.size > 1) {
        // The second finger makes it a zoom: what the first one began to draw is dropped.
        cancel();
        pinching = true;
        return;
      }
      resting = window.setTimeout(() => {
        if (!held || held.moved) return;
        cancel();
        gestures.hover(x, y);
      }, REST_MS);
    }
    held = { x, y, lastX: x, lastY: y, moved: false };
    mode = selectionMode(event);
    brush = gestures.tool() === "brush";
    // Shift or alt draws a lasso without its tool.
    points = gestures.tool() !== "move" || mode !== "replace" ? [gestures.toPlane(x, y)] : null;
  };
  const pinch = (event: PointerEvent): void => {
    const before = pinchOf([...fingers.values()]);
    fingers.set(event.pointerId, place(event));
    const now = pinchOf([...fingers.values()]);
    gestures.pan(now.x - before.x, now.y - before.y);
    gestures.zoom(now.distance / before.distance, now.x, now.y);
  };
  const move = (event: PointerEvent): void => {
    const [x, y] = place(event);
    if (pinching) {
      if (fingers.size > 1 && fingers.has(event.pointerId)) pinch(event);
      return;
    }
    if (!held) {
      if (event.pointerType !== "touch") gestures.hover(x, y);
      return;
    }
    const still = event.pointerType === "touch" ? STILL_FINGER_PX : STILL_PX;
    if (Math.hypot(x - held.x, y - held.y) > still) held.moved = true;
    if (!held.moved) return;
    if (points) {
      points.push(gestures.toPlane(x, y));
      gestures.stroke(points, mode, brush);
    } else gestures.pan(x - held.lastX, y - held.lastY);
    held.lastX = x;
    held.lastY = y;
  };
  const release = (event: PointerEvent): void => {
    clearTimeout(resting);
    fingers.delete(event.pointerId);
    // A finger that stays after a zoom begins nothing new.
    if (fingers.size === 0) pinching = false;
  };
  const up = (event: PointerEvent): void => {
    release(event);
    if (!held) return;
    const { moved } = held;
    held = null;
    if (!moved && !(points && brush)) gestures.click(...place(event));
    else if (points) gestures.strokeDone(points, mode, brush);
    points = null;
  };
  const cancel = (): void => {
    if (points) gestures.strokeDone(null, mode, brush);
    held = null;
    points = null;
  };
  const lost = (event: PointerEvent): void => {
    release(event);
    cancel();
  };
  const escape = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || !points) return;
    event.preventDefault();
    cancel();
  };
  element.addEventListener("pointerdown", down);
  element.addEventListener("pointermove", move);
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", lost);
  window.addEventListener("keydown", escape, true);
  return () => {
    clearTimeout(resting);
    element.removeEventListener("pointerdown", down);
    element.removeEventListener("pointermove", move);
    element.removeEventListener("pointerup", up);
    element.removeEventListener("pointercancel", lost);
    window.removeEventListener("keydown", escape, true);
  };
}
