/** The thumbnails of a run: cells, lists and the map ask for them one by one; they are fetched many at a time. */

import { createSubscriber } from "svelte/reactivity";
import { ApiError, getBlob } from "../api/client";
import { apiUrl } from "../api/page";
import type { ThumbnailIndex } from "../api/types";
import { TileLoader, type Sheet, type Source, type Tile } from "./tileLoader";

/** Each takes 0.8 MB when it is decoded; a view uses ten to fifteen. */
const MAX_SHEETS = 24;

interface Watched extends Tile {
  /** Counts whoever draws the thumbnail as its user, until that is drawn no more. */
  watch: () => void;
}

export interface Picture {
  image: ImageBitmap;
  /** Left and top of the thumbnail in it, in pixels. */
  x: number;
  y: number;
}

export class ThumbnailSheets {
  readonly #path: string;
  readonly #index: ThumbnailIndex;
  readonly #upright: () => boolean;
  readonly #loader: TileLoader;
  /** Whether pixels are drawn as squares, as one wants them of images this small. */
  readonly sharp: boolean;
  #onMap = new Set<Tile>();
  #drawAgain = (): void => undefined;

  constructor(
    path: string,
    index: ThumbnailIndex,
    sharp: boolean,
    upright: () => boolean,
    notify: (text: string) => void,
  ) {
    this.#path = path;
    this.sharp = sharp;
    this.#index = index;
    this.#upright = upright;
    const came = (tiles: readonly Tile[]): void => {
      if (tiles.some((tile) => this.#onMap.has(tile))) this.#drawAgain();
    };
    this.#loader = new TileLoader(sourceOf(`${path}/thumbnails/${index.hash}`, came, notify), MAX_SHEETS);
  }

  /** Side of the square that a thumbnail lies in, in pixels. */
  get tile(): number {
    return this.#index.tile;
  }

  /** Returns the address of one thumbnail in a file of its own. */
  thumbnailUrl(row: number, layer: number): string {
    const query = this.#query(layer);
    return apiUrl(`${this.#path}/thumbnails/${this.#index.hash}/${row}.webp${query ? `?${query.slice(1)}` : ""}`);
  }

  #query(layer: number): string {
    const chosen = layer >= 0 && this.#index.layers > 0 ? `&layer=${layer}` : "";
    return this.#index.upright && this.#upright() ? `${chosen}&upright=true` : chosen;
  }

  #tile(row: number, layer: number): Watched {
    return this.#loader.tile(row, this.#query(layer), (tile) => {
      (tile as Watched).watch = createSubscriber((update) => {
        tile.wake = update;
        this.#loader.use(tile);
        return () => this.#loader.release(tile);
      });
    }) as Watched;
  }

  /** Returns a thumbnail to an effect, which runs again when it has come; null until then. */
  watchedPicture(row: number, layer: number): Picture | null {
    this.#tile(row, layer).watch();
    return this.picture(row, layer);
  }

  /** Asks for the thumbnails that the map draws, in place of those that it drew before; `again` is called when some come. */
  keepOnMap(rows: readonly number[], layer: number, again: () => void): void {
    this.#drawAgain = again;
    const now = new Set<Tile>(rows.map((row) => this.#tile(row, layer)));
    for (const tile of now) if (!this.#onMap.has(tile)) this.#loader.use(tile);
    for (const tile of this.#onMap) if (!now.has(tile)) this.#loader.release(tile);
    this.#onMap = now;
  }

  /** Returns a thumbnail that is there; null while it loads. */
  picture(row: number, layer: number): Picture | null {
    const { sheet, place } = this.#tile(row, layer);
    if (!sheet?.image) return null;
    const { tile } = this.#index;
    return {
      image: sheet.image,
      x: (place % sheet.columns) * tile,
      y: Math.floor(place / sheet.columns) * tile,
    };
  }
}

function sourceOf(path: string, came: Source["came"], notify: (text: string) => void): Source {
  const told = new Set<string>();
  return {
    async load(rows, query, stop): Promise<Sheet> {
      return { image: await createImageBitmap(await getBlob(`${path}?rows=${rows.join(",")}${query}`, stop)) };
    },
    came,
    drop({ image }): void {
      // Its memory is free now, and not when the page gets round to it.
      image?.close();
    },
    failed(error): boolean {
      if (error instanceof ApiError && error.lost) return true;
      const text = error instanceof ApiError ? error.message : "A thumbnail cannot be shown: reload the page.";
      if (!told.has(text)) notify(text);
      told.add(text);
      return false;
    },
  };
}
