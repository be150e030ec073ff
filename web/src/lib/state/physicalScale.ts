/** Lengths in nature: how long a scale bar is, and at which scale thumbnails of different sizes stand side by side. */

/** Widths and heights of what each image shows, in µm; NaN where they are not known. */
export interface PhysicalSizes {
  readonly width: ArrayLike<number>;
  readonly height: ArrayLike<number>;
}

export interface Bar {
  /** Length on the screen, in pixels. */
  px: number;
  words: string;
}

/** Returns the longest bar of 1, 2 or 5 times a power of ten that is at most `most` pixels long. */
export function scaleBar(umPerPx: number, most: number): Bar {
  const power = 10 ** Math.floor(Math.log10(umPerPx * most));
  const um = [5, 2, 1].map((step) => step * power).find((length) => length <= umPerPx * most * (1 + 1e-9)) ?? power;
  return { px: um / umPerPx, words: lengthInWords(um) };
}

export function lengthInWords(um: number): string {
  const [value, unit] =
    um >= 1e6 ? [um / 1e6, "m"] : um >= 1000 ? [um / 1000, "mm"] : um >= 1 ? [um, "µm"] : [um * 1000, "nm"];
  return `${Number(value.toPrecision(3))} ${unit}`;
}

/** Number of steps of the scale in a factor of ten: it does not change at every line that is scrolled. */
const STEPS = 8;

/**
 * Returns the µm of a pixel at which the largest of some images fills a square of `side` pixels, or a little less of it;
 * null if the size of none is known.
 */
export function commonScale(sizes: PhysicalSizes, rows: ArrayLike<number>, side: number): number | null {
  let most = 0;
  for (let i = 0; i < rows.length; i++) {
    most = Math.max(most, sizes.width[rows[i]] || 0, sizes.height[rows[i]] || 0);
  }
  if (most === 0) return null;
  return 10 ** (Math.ceil(STEPS * Math.log10(most) - 1e-9) / STEPS) / side;
}
