/** The filter that is on: its conditions, and which images it leaves, as the server says. */

import { ApiError, postArrays } from "../api/client";
import type { RowQuery } from "../api/types";
import type { Condition } from "./conditions";
import type { Rows } from "./rows";

/** What the filter reads of a run. */
interface Source {
  readonly path: string;
  readonly count: number;
  readonly groups: Int32Array;
  readonly classes: Uint16Array;
  readonly states: Uint8Array;
}

export interface GroupLeft {
  /** Number of images of the group that the filter leaves. */
  n: number;
  /** Number of those that have no class and are not excluded. */
  open: number;
}

const EXCLUDED = 4;

export class Filter {
  conditions = $state.raw<readonly Condition[]>([]);
  /** Number of images that all conditions leave, and each by itself. */
  n = $state(0);
  alone = $state.raw<readonly number[]>([]);
  /** What is left of each group; null without a filter. */
  groups = $state.raw<ReadonlyMap<number, GroupLeft> | null>(null);
  /** Why what passes could not be asked again; null if it could. */
  failure = $state<string | null>(null);
  #passing = $state.raw<Uint8Array | null>(null);
  #latest = 0;

  get on(): boolean {
    return this.conditions.length > 0;
  }

  /** Changes whenever other images pass. */
  get passing(): Uint8Array | null {
    return this.#passing;
  }

  passes(row: number): boolean {
    return this.#passing === null || this.#passing[row] === 1;
  }

  /** Returns those of some rows that pass. */
  keep(rows: Rows): Rows {
    const passing = this.#passing;
    return passing === null ? rows : rows.filter((row) => passing[row] === 1);
  }

  /** Returns a query narrowed by the filter. */
  narrow(query: RowQuery): RowQuery {
    return this.on ? { ...query, where: [...this.conditions] } : query;
  }

  hasGroup(group: number): boolean {
    return this.groups === null || this.groups.has(group);
  }

  /** Puts a filter on; if the server refuses it, the one before stays. */
  async set(source: Source, conditions: readonly Condition[]): Promise<void> {
    const request = ++this.#latest;
    if (conditions.length === 0) {
      this.conditions = [];
      this.groups = this.#passing = this.failure = null;
      return;
    }
    const { header, arrays } = await postArrays(`${source.path}/filter`, { where: conditions });
    if (request !== this.#latest) return;
    this.conditions = conditions;
    this.n = header["n"] as number;
    this.alone = header["alone"] as number[];
    const passing = unpackBits(arrays["mask"] as Uint8Array, source.count);
    this.#passing = passing;
    this.groups = groupsLeft(source, passing);
  }

  /** Asks again what passes, after classes, states, groups or predictions have changed. */
  async refresh(source: Source): Promise<void> {
    if (!this.on) return;
    try {
      await this.set(source, this.conditions);
      this.failure = null;
    } catch (error) {
      if (!(error instanceof ApiError) || error.lost) throw error;
      // Such as when the classifier is gone by whose predictions it filters.
      this.failure = error.message;
    }
  }
}

function unpackBits(bits: Uint8Array, count: number): Uint8Array {
  const passing = new Uint8Array(count);
  for (let row = 0; row < count; row++) passing[row] = (bits[row >> 3] >> (row & 7)) & 1;
  return passing;
}

function groupsLeft({ groups, classes, states, count }: Source, passing: Uint8Array): Map<number, GroupLeft> {
  const left = new Map<number, GroupLeft>();
  let last: GroupLeft | undefined;
  for (let row = 0, group = NaN; row < count; row++) {
    if (passing[row] === 0) continue;
    if (groups[row] !== group) {
      group = groups[row];
      last = left.get(group);
      if (!last) left.set(group, (last = { n: 0, open: 0 }));
    }
    last!.n++;
    if (classes[row] === 0 && states[row] !== EXCLUDED) last!.open++;
  }
  return left;
}
