/** A spatial index of the points: a grid, built by one counting sort. */

const all = (): boolean => true;

export class PointGrid {
  readonly #positions: Float32Array;
  readonly #side: number;
  readonly #starts: Uint32Array;
  readonly #rows: Uint32Array;

  /** @param positions x and y of each point, interleaved, in [-1, 1]. */
  constructor(positions: Float32Array) {
    const count = positions.length >> 1;
    this.#positions = positions;
    this.#side = Math.max(1, Math.min(1024, Math.round(Math.sqrt(count / 2))));
    const cells = new Uint32Array(count);
    this.#starts = new Uint32Array(this.#side * this.#side + 1);
    for (let row = 0; row < count; row++) {
      cells[row] = this.#line(positions[2 * row + 1]) * this.#side + this.#line(positions[2 * row]);
      this.#starts[cells[row] + 1]++;
    }
    for (let cell = 0; cell < this.#starts.length - 1; cell++) this.#starts[cell + 1] += this.#starts[cell];
    const next = this.#starts.slice();
    this.#rows = new Uint32Array(count);
    for (let row = 0; row < count; row++) this.#rows[next[cells[row]]++] = row;
  }

  #line(coordinate: number): number {
    return Math.max(0, Math.min(this.#side - 1, Math.floor(((coordinate + 1) / 2) * this.#side)));
  }

  /** Returns the row of the point nearest to (x, y) of those to `keep`, at most `radius` away, or -1. */
  nearest(x: number, y: number, radius: number, keep: (row: number) => boolean = all): number {
    let best = -1;
    let closest = radius * radius;
    this.#each(x - radius, y - radius, x + radius, y + radius, (row) => {
      const dx = this.#positions[2 * row] - x;
      const dy = this.#positions[2 * row + 1] - y;
      const square = dx * dx + dy * dy;
      if (square <= closest && keep(row)) {
        closest = square;
        best = row;
      }
      return true;
    });
    return best;
  }

  /** Returns the rows of the points to `keep` in a box; null if there are more than `limit`. */
  inBox(
    left: number,
    bottom: number,
    right: number,
    top: number,
    limit: number,
    keep: (row: number) => boolean = all,
  ): number[] | null {
    const rows: number[] = [];
    const whole = this.#each(left, bottom, right, top, (row) => {
      const x = this.#positions[2 * row];
      const y = this.#positions[2 * row + 1];
      if (x >= left && x <= right && y >= bottom && y <= top && keep(row)) rows.push(row);
      return rows.length <= limit;
    });
    return whole ? rows : null;
  }

  #each(left: number, bottom: number, right: number, top: number, visit: (row: number) => boolean): boolean {
    const firstColumn = this.#line(left);
    const lastColumn = this.#line(right);
    for (let line = this.#line(bottom); line <= this.#line(top); line++) {
      const from = this.#starts[line * this.#side + firstColumn];
      const to = this.#starts[line * this.#side + lastColumn + 1];
      for (let i = from; i < to; i++) if (!visit(this.#rows[i])) return false;
    }
    return true;
  }
}
