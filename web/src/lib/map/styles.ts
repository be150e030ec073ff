/**
 * Colours and markers of groups, classes, states and numbers, distinguishable also with colour vision deficiency:
 * Petroff, "Accessible color sequences for data visualization" (2021), without its greys, as in the report.
 */

export type Rgb = readonly [number, number, number];

export interface MarkerStyle {
  rgb: Rgb;
  /** Number of the marker, 0 to 7. */
  marker: number;
}

const COLOURS = ["#3f90da", "#ffa90e", "#bd1f01", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#92dadd"];
/**
 * The same on light and on dark ground: as near to them as possible with a contrast of 3 : 1 to the ground, and a CIEDE2000
 * of at least 12 between any two, and to the grey of noise, in normal sight and in protanopia, deuteranopia and tritanopia.
 */
const ON_LIGHT = ["#0087ff", "#b4870f", "#c31e00", "#872db4", "#963c69", "#87000f", "#699669", "#00784b"];
const ON_DARK = ["#5a96d2", "#ffb40f", "#d21e00", "#a52dd2", "#a5695a", "#f0691e", "#b4a578", "#96e1e1"];
export const GLYPHS = ["●", "▲", "■", "◆", "▼", "✚", "✖", "★"];
export const GREY: Rgb = [0.6, 0.6, 0.6];

// Cividis (Nuñez, Anderton and Renslow 2018) at nine steps: the same with and without red-green vision.
const RAMP = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#d2c060", "#fee838"];

export function fromHex(hex: string): Rgb {
  const value = /^#[0-9a-f]{6}$/i.test(hex) ? parseInt(hex.slice(1), 16) : 0x999999;
  return [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255];
}

export function toHex([red, green, blue]: Rgb): string {
  const two = (part: number): string =>
    Math.round(part * 255)
      .toString(16)
      .padStart(2, "0");
  return `#${two(red)}${two(green)}${two(blue)}`;
}

/** Returns the relative luminance after WCAG 2, 0 to 1. */
export function luminance(rgb: Rgb): number {
  const [red, green, blue] = rgb.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

export function contrast(a: Rgb, b: Rgb): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((p, q) => p - q);
  return (light + 0.05) / (dark + 0.05);
}

/**
 * Returns a colour as it is drawn on a background, with a contrast of 3 : 1, as WCAG 2 requires: those of the palette have
 * a shade for light and one for dark ground, others are moved towards white or black.
 */
export function withContrast(rgb: Rgb, background: Rgb, minimum = 3): Rgb {
  const goal = luminance(background) < 0.2 ? 1 : 0;
  const shade = (goal ? ON_DARK : ON_LIGHT)[COLOURS.indexOf(toHex(rgb))];
  if (shade !== undefined) return fromHex(shade);
  for (let share = 0; share < 1; share += 0.05) {
    const mixed = rgb.map((part) => part + share * (goal - part)) as unknown as Rgb;
    if (contrast(mixed, background) >= minimum) return mixed;
  }
  return [goal, goal, goal];
}

/** Returns one of eight colours, combined with the next of eight markers after each eight groups; noise is grey. */
export function groupStyle(group: number): MarkerStyle {
  if (group < 0) return { rgb: GREY, marker: 0 };
  const marker = Math.floor(group / COLOURS.length) % GLYPHS.length;
  return { rgb: fromHex(COLOURS[group % COLOURS.length]), marker };
}

export function classStyle(colour: string, glyph: string): MarkerStyle {
  return { rgb: fromHex(colour), marker: Math.max(0, GLYPHS.indexOf(glyph)) };
}

/** Returns 256 colours from dark to light. */
export function colourRamp(): Rgb[] {
  const stops = RAMP.map(fromHex);
  return Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (stops.length - 1);
    const low = Math.min(stops.length - 2, Math.floor(at));
    const t = at - low;
    return stops[low].map((part, channel) => part + t * (stops[low + 1][channel] - part)) as unknown as Rgb;
  });
}
