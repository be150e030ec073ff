/** Short messages about what was done or went wrong; the newest last. */

export interface Toast {
  id: number;
  text: string;
  kind: "done" | "error" | "note";
  undoes: boolean;
}

const STAY_MS = 6000;
const MAX_TOASTS = 4;

export class Toasts {
  list = $state.raw<Toast[]>([]);
  #next = 0;

  add(text: string, kind: Toast["kind"] = "note", undoes = false): void {
    const toast = { id: this.#next++, text, kind, undoes };
    // Only the latest action offers an undo: that of an older one would undo the latest first.
    const others = this.list.filter((old) => old.text !== text && (kind !== "done" || old.kind !== "done"));
    this.list = [...others, toast].slice(-MAX_TOASTS);
    setTimeout(() => this.drop(toast.id), kind === "error" ? 2 * STAY_MS : STAY_MS);
  }

  drop(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}
