import { describe, expect, it } from "vitest";
import { contrast, fromHex, GREY, groupStyle, withContrast, type Rgb } from "./styles";

type Triple = [number, number, number];

const linear = (part: number): number => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
const times = (matrix: readonly Triple[], [a, b, c]: Triple): Triple =>
  matrix.map((row) => row[0] * a + row[1] * b + row[2] * c) as Triple;

/** CIELAB of linear RGB in sRGB's primaries, white D65. */
function lab(rgb: Triple): Triple {
  const xyz = times(
    [
      [0.4124564, 0.3575761, 0.1804375],
      [0.2126729, 0.7151522, 0.072175],
      [0.0193339, 0.119192, 0.9503041],
    ],
    rgb,
  );
  const [x, y, z] = [xyz[0] / 0.95047, xyz[1], xyz[2] / 1.08883].map((t) =>
    t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29,
  );
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** CIEDE2000, after Sharma, Wu and Dalal 2005 (Color Research and Application 30, 21-30). */
function distance([l1, a1, b1]: Triple, [l2, a2, b2]: Triple): number {
  const [degree, turn] = [Math.PI / 180, 2 * Math.PI];
  const mean = (Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2;
  const g = 0.5 * (1 - Math.sqrt(mean ** 7 / (mean ** 7 + 25 ** 7)));
  const [c1, c2] = [Math.hypot(a1 * (1 + g), b1), Math.hypot(a2 * (1 + g), b2)];
  const [h1, h2] = [Math.atan2(b1, a1 * (1 + g)), Math.atan2(b2, a2 * (1 + g))].map((h) => (h + turn) % turn);
  let dh = c1 * c2 === 0 ? 0 : h2 - h1;
  if (Math.abs(dh) > Math.PI) dh -= Math.sign(dh) * turn;
  let h = c1 * c2 === 0 ? h1 + h2 : (h1 + h2) / 2;
  if (c1 * c2 !== 0 && Math.abs(h1 - h2) > Math.PI) h += h1 + h2 < turn ? Math.PI : -Math.PI;
  const [l, c] = [(l1 + l2) / 2, (c1 + c2) / 2];
  const t =
    1 -
    0.17 * Math.cos(h - 30 * degree) +
    0.24 * Math.cos(2 * h) +
    0.32 * Math.cos(3 * h + 6 * degree) -
    0.2 * Math.cos(4 * h - 63 * degree);
  const [sl, sc, sh] = [1 + (0.015 * (l - 50) ** 2) / Math.sqrt(20 + (l - 50) ** 2), 1 + 0.045 * c, 1 + 0.015 * c * t];
  const turned = 30 * degree * Math.exp(-(((h / degree - 275) / 25) ** 2));
  const rt = -2 * Math.sqrt(c ** 7 / (c ** 7 + 25 ** 7)) * Math.sin(2 * turned);
  const [dl, dc, dH] = [(l2 - l1) / sl, (c2 - c1) / sc, (2 * Math.sqrt(c1 * c2) * Math.sin(dh / 2)) / sh];
  return Math.sqrt(dl ** 2 + dc ** 2 + dH ** 2 + rt * dc * dH);
}

/** What is seen, in linear RGB: Machado, Oliveira and Fernandes 2009 (IEEE TVCG 15, 1291-1298), severity 1. */
const SIGHTS: Record<string, Triple[]> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

function seen(rgb: Rgb, sight: string): Triple {
  const light = times(SIGHTS[sight], rgb.map(linear) as Triple);
  return lab(light.map((part) => Math.max(0, Math.min(1, part))) as Triple);
}

const GROUNDS: Record<string, string[]> = { light: ["#ffffff", "#f6f7f9"], dark: ["#14171c", "#1b1f26"] };

describe("the distance of colours", () => {
  it.each([
    // Of the data that Sharma, Wu and Dalal publish to test programs with.
    [[50, 2.6772, -79.7751], [50, 0, -82.7485], 2.0425],
    [[50, 0, 0], [50, -1, 2], 2.3669],
    [[50, 2.49, -0.001], [50, -2.49, 0.0009], 7.1792],
    [[50, 2.5, 0], [73, 25, -18], 27.1492],
    [[2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514], 0.9082],
  ] as [Triple, Triple, number][])("is CIEDE2000: %s, %s", (a, b, expected) => {
    expect(distance(a, b)).toBeCloseTo(expected, 4);
  });
});

describe.each(Object.keys(GROUNDS))("the palette on %s ground", (theme) => {
  const ground = fromHex(GROUNDS[theme][0]);
  const palette = [GREY, ...Array.from({ length: 8 }, (_, group) => groupStyle(group).rgb)].map((rgb) =>
    withContrast(rgb, ground),
  );

  it.each(Object.keys(SIGHTS))("has no two colours nearer than 12 in %s", (sight) => {
    // All pairs, and not only those in a row: any two groups may lie side by side on the map.
    for (let i = 0; i < palette.length; i++) {
      for (let j = 0; j < i; j++) {
        const apart = distance(seen(palette[i], sight), seen(palette[j], sight));
        expect(apart, `${i} and ${j}`).toBeGreaterThanOrEqual(12);
      }
    }
  });

  it("stands out by 3 : 1 from the map and the lists", () => {
    for (const hex of GROUNDS[theme]) {
      for (const rgb of palette.slice(1)) expect(contrast(rgb, fromHex(hex))).toBeGreaterThanOrEqual(3);
    }
  });
});
