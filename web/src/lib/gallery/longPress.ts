/** A finger that rests on something looks at it, as a pointer that hovers does; the tap that ends it is none. */

const REST_MS = 500;
const STILL_PX = 10;

export function longPress(node: HTMLElement, look: () => void): { destroy(): void } {
  let timer = 0;
  let start: [number, number] = [0, 0];
  let looked = false;

  const down = (event: PointerEvent): void => {
    looked = false;
    if (event.pointerType !== "touch") return;
    start = [event.clientX, event.clientY];
    timer = window.setTimeout(() => {
      looked = true;
      look();
    }, REST_MS);
  };
  const move = (event: PointerEvent): void => {
    if (Math.hypot(event.clientX - start[0], event.clientY - start[1]) > STILL_PX) clearTimeout(timer);
  };
  const end = (): void => clearTimeout(timer);
  const click = (event: MouseEvent): void => {
    if (!looked) return;
    looked = false;
    event.stopImmediatePropagation();
    event.preventDefault();
  };
  const menu = (event: Event): void => {
    if (looked || timer) event.preventDefault();
  };
  const listeners: [string, EventListener][] = [
    ["pointerdown", down as EventListener],
    ["pointermove", move as EventListener],
    ["pointerup", end],
    ["pointercancel", end],
    ["contextmenu", menu],
  ];
  for (const [name, listener] of listeners) node.addEventListener(name, listener);
  node.addEventListener("click", click as EventListener, true);
  return {
    destroy() {
      clearTimeout(timer);
      for (const [name, listener] of listeners) node.removeEventListener(name, listener);
      node.removeEventListener("click", click as EventListener, true);
    },
  };
}
