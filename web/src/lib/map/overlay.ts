/** Draws what lies over the points: labels, thumbnails, rings around single images, and the lasso or brush stroke. */

import type { ThumbnailSheets } from "../gallery/thumbnailSheets.svelte";
import { toScreen, type Camera } from "./camera";
import type { Point } from "./lasso";

export interface Label {
  row: number;
  text: string;
  weight: number;
}

export interface Scene {
  camera: Camera;
  width: number;
  height: number;
  positions: Float32Array;
  labels: readonly Label[];
  /** Rows drawn as thumbnails. */
  dots: readonly number[];
  frame(row: number): string;
  sheets: ThumbnailSheets | null;
  layer: number;
  rings: readonly number[];
  stroke: readonly Point[];
  brush: number;
  removing: boolean;
  ink: string;
  background: string;
  accent: string;
}

const MAX_LABELS = 60;
const FONT = "600 12px system-ui, sans-serif";

export function drawOverlay(context: CanvasRenderingContext2D, scene: Scene, ratio: number): void {
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, scene.width, scene.height);
  drawDots(context, scene);
  drawLabels(context, scene);
  drawRings(context, scene);
  drawStroke(context, scene);
}

function at(scene: Scene, row: number): [number, number] {
  const { camera, width, height, positions } = scene;
  return toScreen(camera, width, height, positions[2 * row], positions[2 * row + 1]);
}

export function dotSide(count: number, width: number, height: number): number {
  return count === 0 ? 0 : Math.max(18, Math.min(64, 0.62 * Math.sqrt((width * height) / count)));
}

function drawDots(context: CanvasRenderingContext2D, scene: Scene): void {
  const { sheets, dots } = scene;
  if (!sheets || dots.length === 0) return;
  const side = dotSide(dots.length, scene.width, scene.height);
  context.imageSmoothingEnabled = !sheets.sharp;
  context.lineWidth = 2;
  for (const row of dots) {
    const [px, py] = at(scene, row);
    const picture = sheets.picture(row, scene.layer);
    if (!picture) continue;
    const left = Math.round(px - side / 2);
    const top = Math.round(py - side / 2);
    context.drawImage(picture.image, picture.x, picture.y, sheets.tile, sheets.tile, left, top, side, side);
    context.strokeStyle = scene.frame(row);
    context.strokeRect(left, top, side, side);
  }
}

/** The labels with the largest weight first, and none over another. */
function drawLabels(context: CanvasRenderingContext2D, scene: Scene): void {
  context.font = FONT;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  const drawn: [number, number, number, number][] = [];
  for (const { row, text } of scene.labels) {
    if (drawn.length >= MAX_LABELS) break;
    const [px, py] = at(scene, row);
    if (px < 0 || py < 0 || px > scene.width || py > scene.height) continue;
    const label = text.length > 28 ? `${text.slice(0, 27)}…` : text;
    const half = context.measureText(label).width / 2 + 4;
    const box: [number, number, number, number] = [px - half, py - 9, px + half, py + 9];
    if (drawn.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1]))
      continue;
    drawn.push(box);
    context.lineWidth = 4;
    context.strokeStyle = scene.background;
    context.strokeText(label, px, py);
    context.fillStyle = scene.ink;
    context.fillText(label, px, py);
  }
}

function drawRings(context: CanvasRenderingContext2D, scene: Scene): void {
  scene.rings.forEach((row, i) => {
    if (row < 0) return;
    const [px, py] = at(scene, row);
    for (const [width, colour] of [
      [5, scene.background],
      [2.5, scene.accent],
    ] as const) {
      context.beginPath();
      context.arc(px, py, i === 0 ? 11 : 8, 0, 2 * Math.PI);
      context.lineWidth = width;
      context.strokeStyle = colour;
      context.stroke();
    }
  });
}

function drawStroke(context: CanvasRenderingContext2D, scene: Scene): void {
  const { stroke, brush } = scene;
  if (stroke.length === 0) return;
  context.beginPath();
  for (const [x, y] of stroke) context.lineTo(...toScreen(scene.camera, scene.width, scene.height, x, y));
  context.strokeStyle = scene.accent;
  context.lineCap = "round";
  if (brush > 0) {
    context.lineWidth = 2 * brush;
    context.globalAlpha = 0.35;
    if (stroke.length === 1) context.lineTo(...toScreen(scene.camera, scene.width, scene.height, ...stroke[0]));
    context.stroke();
    context.globalAlpha = 1;
    return;
  }
  context.closePath();
  context.lineWidth = 1.5;
  context.setLineDash(scene.removing ? [5, 4] : []);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 0.1;
  context.fillStyle = scene.accent;
  context.fill("evenodd");
  context.globalAlpha = 1;
}
