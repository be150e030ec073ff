/** Runs the command of a key. */

import { atlas } from "../state/atlas.svelte";
import { COMMANDS, run } from "./commandList";
import { assignClass } from "./naming";

/** Returns the name of a key press, as in `Command.keys`. */
export function keyName(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey">): string {
  const ctrl = event.ctrlKey || event.metaKey;
  // Characters such as "?" already imply shift; with ctrl, some browsers report lower-case letters.
  const shift = event.shiftKey && (event.key === " " || /^[a-z]$/i.test(event.key));
  const key = shift && event.key.length === 1 ? event.key.toUpperCase() : event.key;
  return `${ctrl ? "ctrl+" : ""}${shift ? "shift+" : ""}${key}`;
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
  if (/^[0-9]$/.test(name)) {
    digit(name, event);
    return;
  }
  const found = COMMANDS.find(({ keys }) => keys.includes(name));
  if (!found) return;
  event.preventDefault();
  run(found);
}

function digit(key: string, event: KeyboardEvent): void {
  event.preventDefault();
  void atlas.queue(async () => {
    const found = atlas.data?.classWithKey(key);
    if (found) await assignClass(found.id);
    else atlas.notify(`No class has the key ${key} yet: press / and type a name.`);
  });
}
