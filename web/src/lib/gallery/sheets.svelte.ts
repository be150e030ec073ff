/** Where the thumbnail of an image is: on a sheet of 1,024, or alone where there are too many sheets. */

import { SvelteSet } from "svelte/reactivity";
import type { ThumbnailIndex } from "../api/types";

/** More sheets than these are never all wanted at once; then each thumbnail is fetched alone. */
const MOST_SHEETS = 40;
const KEPT_SHEETS = 48;
const KEPT_SINGLES = 3000;
/** A sheet is four million pixels: decoded many at a time they would hold up the first frames. */
const DECODED_AT_ONCE = 2;

export interface Place {
  url: string;
  /** Left and top of the tile, in pixels of the picture at `url`. */
  x: number;
  y: number;
  /** Width of the picture at `url`. */
  width: number;
}

export class Sheets {
  readonly #path: string;
  readonly #index: ThumbnailIndex;
  readonly #upright: () => boolean;
  readonly #images = new Map<string, HTMLImageElement>();
  /** Addresses of the sheets that are decoded, and may be shown without a wait. */
  readonly #ready = new SvelteSet<string>();
  readonly #asked = new Set<string>();
  #waiting: string[] = [];
  #decoding = 0;

  constructor(path: string, index: ThumbnailIndex, upright: () => boolean) {
    this.#path = `api/${path}`;
    this.#index = index;
    this.#upright = upright;
  }

  get tile(): number {
    return this.#index.tile;
  }

  get single(): boolean {
    return this.#index.n_sheets > MOST_SHEETS;
  }

  place(row: number, layer: number): Place {
    const { hash, tile, columns, per_sheet } = this.#index;
    const query = this.#query(layer);
    if (this.single) return { url: this.alone(row, layer), x: 0, y: 0, width: tile };
    const at = row % per_sheet;
    return {
      url: `${this.#path}/sheets/${hash}/${Math.floor(row / per_sheet)}.webp${query}`,
      x: (at % columns) * tile,
      y: Math.floor(at / columns) * tile,
      width: columns * tile,
    };
  }

  /** The address of one thumbnail that is on no sheet. */
  alone(row: number, layer: number): string {
    return `${this.#path}/thumbnails/${this.#index.hash}/${row}.webp${this.#query(layer)}`;
  }

  #query(layer: number): string {
    const parts: string[] = [];
    if (layer >= 0 && this.#index.layers > 0) parts.push(`layer=${layer}`);
    if (this.#index.upright && this.#upright()) parts.push("upright=true");
    return parts.length > 0 ? `?${parts.join("&")}` : "";
  }

  /** A style that shows the thumbnail in a box of `side` pixels. */
  style(row: number, layer: number, side: number): string {
    const { url, x, y, width } = this.place(row, layer);
    if (this.single) return `background-image:url("${url}");background-size:contain;background-position:center`;
    if (!this.#ready.has(url)) {
      this.#ask(url);
      return "";
    }
    const scale = side / this.#index.tile;
    const position = `${-x * scale}px ${-y * scale}px`;
    return `background-image:url("${url}");background-size:${width * scale}px auto;background-position:${position}`;
  }

  #ask(url: string): void {
    if (this.#asked.has(url)) return;
    this.#asked.add(url);
    this.#waiting.push(url);
    this.#decodeNext();
  }

  #decodeNext(): void {
    if (this.#decoding >= DECODED_AT_ONCE) return;
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
    // Even if it fails the sheet is tried: the browser then shows an empty tile.
    image.decode().then(done, done);
    this.#images.set(url, image);
  }

  /** The picture to draw a thumbnail from, or null while it loads; `loaded` is called when it is there. */
  image(url: string, loaded: () => void): HTMLImageElement | null {
    const known = this.#images.get(url);
    if (known) {
      if (known.complete && known.naturalWidth > 0) return known;
      known.onload = loaded;
      return null;
    }
    const image = new Image();
    image.onload = loaded;
    image.src = url;
    this.#images.set(url, image);
    const kept = this.single ? KEPT_SINGLES : KEPT_SHEETS;
    if (this.#images.size > kept) this.#images.delete(this.#images.keys().next().value!);
    return null;
  }
}
