/** Turns pointer events on the map into moves, strokes of the lasso or brush, hovers and clicks. */

import type { SelectionMode } from "../state/rows";
import type { Tool } from "../state/view.svelte";
import type { Point } from "./lasso";

export interface Gestures {
  tool(): Tool;
  toPlane(px: number, py: number): Point;
  pan(dx: number, dy: number): void;
  /** A stroke has become longer. */
  stroke(points: readonly Point[], mode: SelectionMode, brush: boolean): void;
  /** A stroke has ended; `points` is null if it was cancelled. */
  strokeDone(points: readonly Point[] | null, mode: SelectionMode, brush: boolean): void;
  hover(px: number, py: number): void;
  click(px: number, py: number): void;
}

const STILL_PX = 4;

export function selectionMode(event: { shiftKey: boolean; altKey: boolean }): SelectionMode {
  return event.altKey ? "remove" : event.shiftKey ? "add" : "replace";
}

/** Listens to the pointer on an element until the returned function is called. */
export function followPointer(element: HTMLElement, gestures: Gestures): () => void {
  let held: { x: number; y: number; lastX: number; lastY: number; moved: boolean } | null = null;
  let points: Point[] | null = null;
  let mode: SelectionMode = "replace";
  let brush = false;

  const place = (event: PointerEvent): [number, number] => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const down = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    const [x, y] = place(event);
    held = { x, y, lastX: x, lastY: y, moved: false };
    mode = selectionMode(event);
    brush = gestures.tool() === "brush";
    // Shift or alt draws a lasso without its tool.
    points = gestures.tool() !== "move" || mode !== "replace" ? [gestures.toPlane(x, y)] : null;
    element.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent): void => {
    const [x, y] = place(event);
    if (!held) {
      gestures.hover(x, y);
      return;
    }
    if (Math.hypot(x - held.x, y - held.y) > STILL_PX) held.moved = true;
    if (!held.moved) return;
    if (points) {
      points.push(gestures.toPlane(x, y));
      gestures.stroke(points, mode, brush);
    } else gestures.pan(x - held.lastX, y - held.lastY);
    held.lastX = x;
    held.lastY = y;
  };
  const up = (event: PointerEvent): void => {
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
  const escape = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || !points) return;
    event.preventDefault();
    cancel();
  };
  element.addEventListener("pointerdown", down);
  element.addEventListener("pointermove", move);
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", cancel);
  window.addEventListener("keydown", escape, true);
  return () => {
    element.removeEventListener("pointerdown", down);
    element.removeEventListener("pointermove", move);
    element.removeEventListener("pointerup", up);
    element.removeEventListener("pointercancel", cancel);
    window.removeEventListener("keydown", escape, true);
  };
}
