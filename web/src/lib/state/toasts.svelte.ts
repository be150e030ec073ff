/** Short words about what was done or went wrong; the newest last. */

export interface Toast {
  id: number;
  text: string;
  kind: "done" | "error" | "note";
  undoes: boolean;
}

const STAY_MS = 6000;
const KEPT = 4;

export class Toasts {
  list = $state.raw<Toast[]>([]);
  #next = 0;

  say(text: string, kind: Toast["kind"] = "note", undoes = false): void {
    const toast = { id: this.#next++, text, kind, undoes };
    // One deed at a time: the undo of an older one would take back the newer action first.
    const kept = this.list.filter((old) => old.text !== text && (kind !== "done" || old.kind !== "done"));
    this.list = [...kept, toast].slice(-KEPT);
    setTimeout(() => this.drop(toast.id), kind === "error" ? 2 * STAY_MS : STAY_MS);
  }

  drop(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}
