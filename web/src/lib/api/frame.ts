/** The server's one binary form: a JSON header, then sections of numbers that need no copying. */

type Section = { name: string; dtype: keyof typeof ARRAYS; length: number; offset: number };

const ARRAYS = {
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
} as const;

export type Numbers = InstanceType<(typeof ARRAYS)[keyof typeof ARRAYS]>;

export interface Frame {
  header: Record<string, unknown>;
  sections: Record<string, Numbers>;
}

export function readFrame(buffer: ArrayBuffer): Frame {
  const length = new DataView(buffer).getUint32(0, true);
  const text = new TextDecoder().decode(new Uint8Array(buffer, 4, length));
  const header = JSON.parse(text) as Record<string, unknown>;
  const sections: Record<string, Numbers> = {};
  for (const { name, dtype, length: n, offset } of header["sections"] as Section[]) {
    sections[name] = new ARRAYS[dtype](buffer, offset, n);
  }
  return { header, sections };
}
