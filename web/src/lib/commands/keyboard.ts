/** Runs the command of a key. */

import { keys } from "../state/keys.svelte";
import { atlas } from "../state/atlas.svelte";
import { COMMANDS, run } from "./commandList";
import { assignClass } from "./naming";

/** Returns the name of a key press, as in `Command.keys`. */
export function keyName(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey">): string {
  const ctrl = event.ctrlKey || event.metaKey;
  const letter = /^[a-z]$/i.test(event.key);
  // Characters such as "?" already imply shift; the caps lock must not change what a letter does.
  const shift = event.shiftKey && (event.key === " " || letter);
  const key = !letter ? event.key : shift ? event.key.toUpperCase() : event.key.toLowerCase();
  return `${ctrl ? "ctrl+" : ""}${shift ? "shift+" : ""}${key}`;
}

/** Returns the digit of a key by its place: on some keyboards the row of digits types letters without shift. */
export function digitOf(event: Pick<KeyboardEvent, "code" | "ctrlKey" | "metaKey" | "shiftKey">): string | null {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return null;
  return /^(?:Digit|Numpad)([0-9])$/.exec(event.code)?.[1] ?? null;
}

function typing(event: KeyboardEvent): boolean {
  const element = event.target;
  return (
    element instanceof HTMLInputElement ||
    element instanceof HTMLSelectElement ||
    element instanceof HTMLTextAreaElement
  );
}

/** Runs the command of a key, unless the key goes into a field or a dialog is open. */
export function onKey(event: KeyboardEvent): void {
  const { data, view } = atlas;
  if (!data || event.defaultPrevented || event.altKey) return;
  const name = keyName(event);
  if (view.prompt !== null || (typing(event) && name !== "Escape")) return;
  if (!atlas.singleKeys && !name.startsWith("ctrl+") && name !== "Escape") return;
  if (event.target instanceof HTMLButtonElement && (name === " " || name === "Enter")) return;
  const pressed = digitOf(event);
  if (pressed !== null) {
    event.preventDefault();
    // A held key repeats: it would name group after group that nobody has seen.
    if (!event.repeat) digit(pressed);
    return;
  }
  const found = keys.holder(name, COMMANDS);
  if (!found) return;
  event.preventDefault();
  if (event.repeat && found.changes) return;
  run(found);
}

function digit(key: string): void {
  void atlas.queue(async () => {
    const found = atlas.data?.classWithKey(key);
    if (found) await assignClass(found.id);
    else atlas.notify(`No class has the key ${key} yet: press / and type a name.`);
  });
}
