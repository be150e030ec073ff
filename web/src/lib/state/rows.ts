/** Sets of rows, as lists and as packed bits (least significant first). */

export type Rows = Uint32Array;

export const NO_ROWS: Rows = new Uint32Array(0);

/** Packs rows into bits: bit `row % 8` of byte `row >> 3`. */
export function pack(rows: ArrayLike<number>, count: number): Uint8Array<ArrayBuffer> {
  const bits = new Uint8Array((count + 7) >> 3);
  for (let i = 0; i < rows.length; i++) bits[rows[i] >> 3] |= 1 << (rows[i] & 7);
  return bits;
}

/** Returns the rows whose bits are set, ascending. */
export function unpack(bits: Uint8Array, count: number): Rows {
  const rows = new Uint32Array(count);
  let n = 0;
  for (let byte = 0; byte < bits.length; byte++) {
    const value = bits[byte];
    if (value === 0) continue;
    for (let bit = 0; bit < 8; bit++) {
      const row = byte * 8 + bit;
      if (value & (1 << bit) && row < count) rows[n++] = row;
    }
  }
  return rows.slice(0, n);
}

/** Returns the rows for which `keep` returns true. */
export function rowsWhere(count: number, keep: (row: number) => boolean): Rows {
  const rows = new Uint32Array(count);
  let n = 0;
  for (let row = 0; row < count; row++) if (keep(row)) rows[n++] = row;
  return rows.slice(0, n);
}

/** Returns the rows whose entry is `value`. */
export function rowsEqual(values: ArrayLike<number>, value: number): Rows {
  const rows = new Uint32Array(values.length);
  let n = 0;
  for (let row = 0; row < values.length; row++) if (values[row] === value) rows[n++] = row;
  return rows.slice(0, n);
}

export function union(a: Rows, b: Rows, count: number): Rows {
  const bits = pack(a, count);
  for (let i = 0; i < b.length; i++) bits[b[i] >> 3] |= 1 << (b[i] & 7);
  return unpack(bits, count);
}

export function difference(a: Rows, b: Rows, count: number): Rows {
  const bits = pack(b, count);
  const remaining = new Uint32Array(a.length);
  let n = 0;
  for (let i = 0; i < a.length; i++) if (!(bits[a[i] >> 3] & (1 << (a[i] & 7)))) remaining[n++] = a[i];
  return remaining.slice(0, n);
}

/** How newly selected rows change the current selection. */
export type SelectionMode = "replace" | "add" | "remove";

export function combine(current: Rows, added: Rows, mode: SelectionMode, count: number): Rows {
  if (mode === "add") return union(current, added, count);
  if (mode === "remove") return difference(current, added, count);
  return added;
}
