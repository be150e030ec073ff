/** The layout of a long grid of thumbnails, of which only the visible cells are in the document. */

export interface GridLayout {
  columns: number;
  /** Side of a cell with its gap, in pixels. */
  pitch: number;
  rowHeight: number;
  height: number;
}

export function gridLayout(count: number, width: number, side: number, gap: number, caption: number): GridLayout {
  const pitch = side + gap;
  const columns = Math.max(1, Math.floor((width + gap) / pitch));
  const rowHeight = pitch + caption;
  return { columns, pitch, rowHeight, height: Math.ceil(count / columns) * rowHeight };
}

/** Returns the first visible cell and the one after the last, with `slack` more lines of cells above and below. */
export function visibleCells(
  layout: GridLayout,
  count: number,
  top: number,
  height: number,
  slack = 0,
): [number, number] {
  const first = Math.max(0, Math.floor(top / layout.rowHeight) - slack);
  const last = Math.ceil((top + height) / layout.rowHeight) + slack;
  return [Math.min(count, first * layout.columns), Math.min(count, last * layout.columns)];
}

/** Returns the first cell that is fully visible and the one after the last: the page. */
export function fullyVisibleCells(layout: GridLayout, count: number, top: number, height: number): [number, number] {
  const first = Math.max(0, Math.ceil((top - 1) / layout.rowHeight));
  const last = Math.max(first + 1, Math.floor((top + height + 1) / layout.rowHeight));
  return [Math.min(count, first * layout.columns), Math.min(count, last * layout.columns)];
}

/** Returns the cell to which a key moves the cursor; null if it is no such key. */
export function moveCursor(
  key: string,
  cursor: number,
  count: number,
  layout: GridLayout,
  page: number,
): number | null {
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -layout.columns,
    ArrowDown: layout.columns,
    PageUp: -page,
    PageDown: page,
    Home: -count,
    End: count,
  };
  const step = steps[key];
  if (step === undefined || count === 0) return null;
  return Math.max(0, Math.min(count - 1, cursor + step));
}
