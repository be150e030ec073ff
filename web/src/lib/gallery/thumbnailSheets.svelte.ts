/** Locates the thumbnail of an image: on a sheet of 1,024, or in a file of its own where there are too many sheets. */

import { SvelteSet } from "svelte/reactivity";
import { apiUrl } from "../api/page";
import type { ThumbnailIndex } from "../api/types";

/** In runs with more sheets, each thumbnail is fetched on its own. */
const MAX_SHEETS = 40;
const MAX_CACHED_SHEETS = 48;
const MAX_CACHED_SINGLES = 3000;
/** A sheet has four million pixels: decoding many at a time would delay the first frames. */
const MAX_DECODING = 2;

export interface Tile {
  url: string;
  /** Left and top of the tile, in pixels of the image at `url`. */
  x: number;
  y: number;
  /** Width of the image at `url`. */
  width: number;
}

export class ThumbnailSheets {
  readonly #path: string;
  readonly #index: ThumbnailIndex;
  readonly #upright: () => boolean;
  readonly #images = new Map<string, HTMLImageElement>();
  /** Addresses of the sheets that are decoded. */
  readonly #ready = new SvelteSet<string>();
  readonly #requested = new Set<string>();
  #waiting: string[] = [];
  #decoding = 0;

  constructor(path: string, index: ThumbnailIndex, upright: () => boolean) {
    this.#path = path;
    this.#index = index;
    this.#upright = upright;
  }

  get tile(): number {
    return this.#index.tile;
  }

  get single(): boolean {
    return this.#index.n_sheets > MAX_SHEETS;
  }

  tileOf(row: number, layer: number): Tile {
    const { hash, tile, columns, per_sheet } = this.#index;
    const query = this.#query(layer);
    if (this.single) return { url: this.thumbnailUrl(row, layer), x: 0, y: 0, width: tile };
    const at = row % per_sheet;
    return {
      url: apiUrl(`${this.#path}/sheets/${hash}/${Math.floor(row / per_sheet)}.webp${query}`),
      x: (at % columns) * tile,
      y: Math.floor(at / columns) * tile,
      width: columns * tile,
    };
  }

  /** Returns the address of one thumbnail in a file of its own. */
  thumbnailUrl(row: number, layer: number): string {
    return apiUrl(`${this.#path}/thumbnails/${this.#index.hash}/${row}.webp${this.#query(layer)}`);
  }

  #query(layer: number): string {
    const parts: string[] = [];
    if (layer >= 0 && this.#index.layers > 0) parts.push(`layer=${layer}`);
    if (this.#index.upright && this.#upright()) parts.push("upright=true");
    return parts.length > 0 ? `?${parts.join("&")}` : "";
  }

  /** Returns the CSS that shows a thumbnail in a box of `side` pixels. */
  style(row: number, layer: number, side: number): string {
    const { url, x, y, width } = this.tileOf(row, layer);
    if (this.single) return `background-image:url("${url}");background-size:contain;background-position:center`;
    if (!this.#ready.has(url)) {
      this.#request(url);
      return "";
    }
    const scale = side / this.#index.tile;
    const position = `${-x * scale}px ${-y * scale}px`;
    return `background-image:url("${url}");background-size:${width * scale}px auto;background-position:${position}`;
  }

  #request(url: string): void {
    if (this.#requested.has(url)) return;
    this.#requested.add(url);
    this.#waiting.push(url);
    this.#decodeNext();
  }

  #decodeNext(): void {
    if (this.#decoding >= MAX_DECODING) return;
    const url = this.#waiting.shift();
    if (url === undefined) return;
    this.#decoding++;
    const image = new Image();
    image.src = url;
    const done = (): void => {
      this.#decoding--;
      this.#ready.add(url);
      this.#decodeNext();
    };
    // A sheet that cannot be decoded counts as ready, too: the browser shows empty tiles.
    image.decode().then(done, done);
    this.#images.set(url, image);
  }

  /** Returns the image at an address, or null while it loads; `onLoad` is called when it is there. */
  image(url: string, onLoad: () => void): HTMLImageElement | null {
    const known = this.#images.get(url);
    if (known) {
      if (known.complete && known.naturalWidth > 0) return known;
      known.onload = onLoad;
      return null;
    }
    const image = new Image();
    image.onload = onLoad;
    image.src = url;
    this.#images.set(url, image);
    const limit = this.single ? MAX_CACHED_SINGLES : MAX_CACHED_SHEETS;
    if (this.#images.size > limit) this.#images.delete(this.#images.keys().next().value!);
    return null;
  }
}
