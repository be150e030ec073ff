/** Short messages about what was done or went wrong; the newest last. */

export interface Toast {
  id: number;
  text: string;
  kind: "done" | "error" | "note";
  undoes: boolean;
}

const STAY_MS = 6000;
const MAX_TOASTS = 3;

export class Toasts {
  list = $state.raw<Toast[]>([]);
  #next = 0;
  #stale = new Set<number>();

  /** Shows a message. It stays until the next one comes, so that nobody has to read against the clock. */
  add(text: string, kind: Toast["kind"] = "note", undoes = false): void {
    const toast = { id: this.#next++, text, kind, undoes };
    // Only the latest action offers an undo: that of an older one would undo the latest first.
    const others = this.list.filter(
      (old) => !this.#stale.has(old.id) && old.text !== text && (kind !== "done" || old.kind !== "done"),
    );
    this.list = [...others, toast].slice(-MAX_TOASTS);
    this.#stale.clear();
    setTimeout(() => this.#age(toast.id), kind === "error" ? 2 * STAY_MS : STAY_MS);
  }

  drop(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }

  #age(id: number): void {
    if (this.list.at(-1)?.id === id) this.#stale.add(id);
    else this.drop(id);
  }
}
