/**
 * Fetches thumbnails, many in one request, and holds those that were used last.
 *
 * A request of which nothing is used any more is cancelled, and what waited and was scrolled past is never asked for.
 */

/** One picture with several thumbnails, `COLUMNS` in a line; fewer are in one line. */
export interface Sheet {
  image: ImageBitmap | null;
}

/** One thumbnail of which somebody has made use, or does. */
export interface Tile {
  readonly row: number;
  readonly query: string;
  sheet: LoadedSheet | null;
  /** Its place on the sheet. */
  place: number;
  users: number;
  /** Called when the thumbnail has come. */
  wake: () => void;
}

interface LoadedSheet extends Sheet {
  columns: number;
  tiles: Tile[];
}

interface Flight {
  tiles: Tile[];
  stop: AbortController;
}

export const COLUMNS = 8;
/** Number of thumbnails in a request. */
export const BATCH = 48;
/** A browser has six connections to a server; the stream of events is one, and actions need some. */
const MAX_FLIGHTS = 3;
const RETRY_MS = 3000;

export interface Source {
  /** Fetches thumbnails of one query in the order of their rows; an `AbortError` if it is told to stop. */
  load(rows: number[], query: string, stop: AbortSignal): Promise<Sheet>;
  drop(sheet: Sheet): void;
  /** Told of thumbnails that have come. */
  came(tiles: readonly Tile[]): void;
  /** Told of an error; returns whether to try again. */
  failed(error: unknown): boolean;
}

export class TileLoader {
  readonly #source: Source;
  readonly #maxSheets: number;
  readonly #tiles = new Map<string, Tile>();
  readonly #waiting = new Set<Tile>();
  readonly #flights = new Set<Flight>();
  /** The one used last is the last. */
  readonly #sheets = new Set<LoadedSheet>();
  #timer: ReturnType<typeof setTimeout> | 0 = 0;

  constructor(source: Source, maxSheets: number) {
    this.#source = source;
    this.#maxSheets = maxSheets;
  }

  /** Number of sheets that are held. */
  get held(): number {
    return this.#sheets.size;
  }

  tile(row: number, query: string, create: (tile: Tile) => void = () => undefined): Tile {
    const key = `${row}${query}`;
    let tile = this.#tiles.get(key);
    if (!tile) {
      tile = { row, query, sheet: null, place: 0, users: 0, wake: () => undefined };
      create(tile);
      this.#tiles.set(key, tile);
    }
    return tile;
  }

  /** Notes one more user of a thumbnail, and asks for it if it is not there. */
  use(tile: Tile): void {
    tile.users++;
    if (tile.sheet) {
      this.#sheets.delete(tile.sheet);
      this.#sheets.add(tile.sheet);
    } else if (!this.#isFlying(tile)) {
      this.#waiting.add(tile);
      this.#soon();
    }
  }

  release(tile: Tile): void {
    tile.users--;
    if (tile.users > 0) return;
    this.#waiting.delete(tile);
    for (const flight of this.#flights) {
      if (flight.tiles.includes(tile) && flight.tiles.every(({ users }) => users === 0)) flight.stop.abort();
    }
    if (!tile.sheet && !this.#isFlying(tile)) this.#forget(tile);
  }

  #isFlying(tile: Tile): boolean {
    for (const { tiles, stop } of this.#flights) if (!stop.signal.aborted && tiles.includes(tile)) return true;
    return false;
  }

  #forget(tile: Tile): void {
    this.#tiles.delete(`${tile.row}${tile.query}`);
  }

  /** Waits for all cells that are drawn in this turn, so that they are asked for together. */
  #soon(): void {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      this.#ask();
    });
  }

  #ask(): void {
    while (this.#flights.size < MAX_FLIGHTS && this.#waiting.size > 0) {
      const [{ query }] = this.#waiting;
      const tiles: Tile[] = [];
      for (const tile of this.#waiting) {
        if (tile.query === query) tiles.push(tile);
        if (tiles.length === BATCH) break;
      }
      for (const tile of tiles) this.#waiting.delete(tile);
      void this.#fly({ tiles, stop: new AbortController() }, query);
    }
  }

  async #fly(flight: Flight, query: string): Promise<void> {
    const { tiles, stop } = flight;
    this.#flights.add(flight);
    try {
      const rows = tiles.map(({ row }) => row);
      const sheet = await this.#source.load(rows, query, stop.signal);
      this.#flights.delete(flight);
      this.#land({ ...sheet, tiles, columns: Math.min(COLUMNS, tiles.length) });
    } catch (error) {
      this.#flights.delete(flight);
      if (stop.signal.aborted || this.#source.failed(error)) this.#again(tiles, stop.signal.aborted ? 0 : RETRY_MS);
    }
    this.#ask();
  }

  #land(sheet: LoadedSheet): void {
    this.#sheets.add(sheet);
    sheet.tiles.forEach((tile, place) => {
      tile.sheet = sheet;
      tile.place = place;
    });
    for (const tile of sheet.tiles) if (tile.users > 0) tile.wake();
    this.#source.came(sheet.tiles);
    this.#dropUnused();
  }

  /** Asks again for those of some thumbnails that are still used, such as after a cancelled request of others. */
  #again(tiles: Tile[], after: number): void {
    setTimeout(() => {
      for (const tile of tiles) {
        if (tile.users === 0) this.#forget(tile);
        else if (!tile.sheet && !this.#isFlying(tile)) this.#waiting.add(tile);
      }
      this.#soon();
    }, after);
  }

  #dropUnused(): void {
    for (const sheet of this.#sheets) {
      if (this.#sheets.size <= this.#maxSheets) return;
      if (sheet.tiles.some(({ users }) => users > 0)) continue;
      this.#sheets.delete(sheet);
      for (const tile of sheet.tiles) {
        tile.sheet = null;
        this.#forget(tile);
      }
      this.#source.drop(sheet);
    }
  }
}
