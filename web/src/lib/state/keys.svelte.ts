/** The keys of the commands: those that are set beforehand, and those that a person has chosen in this browser. */

const STORE = "facies-keys:";

/** Keys that no command can have: classes have the digits, and the page needs the others to move. */
const RESERVED = /^(?:[0-9]|Enter|Escape|Tab|Backspace|Delete|Arrow.*|Page(?:Up|Down)|F\d+)$/;
/** What a browser does itself, whatever a page says. */
const OF_BROWSER = /^ctrl\+(?:shift\+)?[a-bnqrtwlpfjkdh+\-=0-9]$/i;

export interface Keyed {
  id: string;
  keys: string[];
  title: string;
}

const WORDS: Record<string, string> = { " ": "space", "shift+ ": "shift space" };

/** Returns how a key is written on the page. */
export function keyWord(key: string): string {
  return (
    WORDS[key] ??
    key
      .replace("ctrl+", "ctrl ")
      .replace("shift+", "shift ")
      .replace(/ ([A-Z])$/, (_, k: string) => ` ${k.toLowerCase()}`)
  );
}

/** Returns why a key cannot be given to a command; null if it can. */
export function whyNot(key: string): string | null {
  const bare = key.replace(/^(?:ctrl\+)?(?:shift\+)?/, "");
  if (/^(?:Control|Shift|Alt|Meta|CapsLock|Dead|Unidentified|AltGraph|Process)$/.test(bare)) return "";
  if (/^[0-9]$/.test(bare)) return "Digits name classes, by their place on the keyboard: press another key.";
  if (RESERVED.test(bare))
    return `${keyWord(bare)} moves, accepts or leaves everywhere on the page: press another key.`;
  if (OF_BROWSER.test(key)) return `The browser keeps ${keyWord(key)} for itself: press another key.`;
  return null;
}

export class Keys {
  /** Chosen keys by command; an empty list is no key. */
  chosen = $state<Record<string, string[]>>({});
  #person = "";

  /** Reads what a person has chosen in this browser. */
  load(person: string): void {
    this.#person = person;
    try {
      const stored = JSON.parse(localStorage.getItem(STORE + person) ?? "{}") as Record<string, unknown>;
      this.chosen = Object.fromEntries(
        Object.entries(stored).filter(
          (entry): entry is [string, string[]] =>
            Array.isArray(entry[1]) && entry[1].every((key) => typeof key === "string" && whyNot(key) === null),
        ),
      );
    } catch {
      this.chosen = {};
    }
  }

  of(command: Keyed): string[] {
    return this.chosen[command.id] ?? command.keys;
  }

  holder<T extends Keyed>(key: string, commands: readonly T[]): T | undefined {
    return commands.find((one) => this.of(one).includes(key));
  }

  /** Gives a command a key, and takes it from the one that has it. */
  set(command: Keyed, key: string, commands: readonly Keyed[]): void {
    const holder = this.holder(key, commands);
    const changed = { ...this.chosen };
    if (holder && holder.id !== command.id) changed[holder.id] = this.of(holder).filter((other) => other !== key);
    changed[command.id] = [key];
    this.#keep(changed);
  }

  /** Gives one command, or all, the keys that were set beforehand; what another one has by choice stays there. */
  reset(command: Keyed | null, commands: readonly Keyed[]): void {
    if (!command) {
      this.#keep({});
      return;
    }
    const changed = Object.fromEntries(Object.entries(this.chosen).filter(([id]) => id !== command.id));
    for (const other of commands) {
      if (other.id === command.id || !changed[other.id]) continue;
      changed[other.id] = changed[other.id].filter((key) => !command.keys.includes(key));
    }
    this.#keep(changed);
  }

  #keep(changed: Record<string, string[]>): void {
    this.chosen = changed;
    if (Object.keys(changed).length === 0) localStorage.removeItem(STORE + this.#person);
    else localStorage.setItem(STORE + this.#person, JSON.stringify(changed));
  }
}

export const keys = new Keys();
