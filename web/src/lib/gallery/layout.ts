/** Which cells of a long wall are to be drawn. */

export interface Wall {
  columns: number;
  /** Side of a cell with its gap, in pixels. */
  pitch: number;
  rowHeight: number;
  height: number;
}

export function wallOf(count: number, width: number, side: number, gap: number, caption: number): Wall {
  const pitch = side + gap;
  const columns = Math.max(1, Math.floor((width + gap) / pitch));
  const rowHeight = pitch + caption;
  return { columns, pitch, rowHeight, height: Math.ceil(count / columns) * rowHeight };
}

/** First cell and the one after the last, of those in view (`slack` rows of cells more on either side). */
export function inView(wall: Wall, count: number, top: number, height: number, slack = 0): [number, number] {
  const first = Math.max(0, Math.floor(top / wall.rowHeight) - slack);
  const last = Math.ceil((top + height) / wall.rowHeight) + slack;
  return [Math.min(count, first * wall.columns), Math.min(count, last * wall.columns)];
}

/** Cells that lie wholly in view: what one calls the page. */
export function whollyInView(wall: Wall, count: number, top: number, height: number): [number, number] {
  const first = Math.max(0, Math.ceil((top - 1) / wall.rowHeight));
  const last = Math.max(first + 1, Math.floor((top + height + 1) / wall.rowHeight));
  return [Math.min(count, first * wall.columns), Math.min(count, last * wall.columns)];
}

/** Where a key moves the cursor; null if the key moves nothing. */
export function movedBy(key: string, cursor: number, count: number, wall: Wall, page: number): number | null {
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -wall.columns,
    ArrowDown: wall.columns,
    PageUp: -page,
    PageDown: page,
    Home: -count,
    End: count,
  };
  const step = steps[key];
  if (step === undefined || count === 0) return null;
  return Math.max(0, Math.min(count - 1, cursor + step));
}
