/** The visible part of the plane: a centre and a zoom; at zoom 1, the square [-1, 1]² fills the shorter side. */

export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

export interface Box {
  left: number;
  bottom: number;
  right: number;
  top: number;
}

export const WHOLE_MAP: Camera = { x: 0, y: 0, zoom: 0.94 };

const MIN_ZOOM = 0.25;
const MAX_ZOOM = 5000;

/** Returns the number of screen pixels per unit of the plane. */
export function scaleOf(camera: Camera, width: number, height: number): number {
  return (camera.zoom * Math.min(width, height)) / 2;
}

export function toScreen(camera: Camera, width: number, height: number, x: number, y: number): [number, number] {
  const scale = scaleOf(camera, width, height);
  return [width / 2 + (x - camera.x) * scale, height / 2 - (y - camera.y) * scale];
}

export function toPlane(camera: Camera, width: number, height: number, px: number, py: number): [number, number] {
  const scale = scaleOf(camera, width, height);
  return [camera.x + (px - width / 2) / scale, camera.y - (py - height / 2) / scale];
}

export function panCamera(camera: Camera, width: number, height: number, dx: number, dy: number): Camera {
  const scale = scaleOf(camera, width, height);
  return { ...camera, x: clamp(camera.x - dx / scale), y: clamp(camera.y + dy / scale) };
}

/** Zooms by a factor; the point under (px, py) stays where it is. */
export function zoomCamera(
  camera: Camera,
  width: number,
  height: number,
  factor: number,
  px: number,
  py: number,
): Camera {
  const zoom = Math.max(MIN_ZOOM, Math.min(MAX_ZOOM, camera.zoom * factor));
  const [x, y] = toPlane(camera, width, height, px, py);
  const [x1, y1] = toPlane({ ...camera, zoom }, width, height, px, py);
  return { x: clamp(camera.x + x - x1), y: clamp(camera.y + y - y1), zoom };
}

export function visibleBox(camera: Camera, width: number, height: number): Box {
  const [left, top] = toPlane(camera, width, height, 0, 0);
  const [right, bottom] = toPlane(camera, width, height, width, height);
  return { left, bottom, right, top };
}

/** Returns the camera that shows a box with a margin. */
export function cameraForBox(box: Box, width: number, height: number): Camera {
  const side = Math.min(width, height);
  const across = Math.max((box.right - box.left) / width, (box.top - box.bottom) / height, 1e-4 / side);
  const zoom = Math.max(MIN_ZOOM, Math.min(MAX_ZOOM, (0.86 * 2) / (across * side)));
  return { x: (box.left + box.right) / 2, y: (box.bottom + box.top) / 2, zoom };
}

function clamp(coordinate: number): number {
  return Math.max(-2, Math.min(2, coordinate));
}
