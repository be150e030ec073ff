/** The binary format of the server: a JSON header, then arrays of numbers that are read without copying. */

type Section = { name: string; dtype: keyof typeof CONSTRUCTORS; length: number; offset: number };

const CONSTRUCTORS = {
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
} as const;

export type TypedArray = InstanceType<(typeof CONSTRUCTORS)[keyof typeof CONSTRUCTORS]>;

export interface BinaryArrays {
  header: Record<string, unknown>;
  arrays: Record<string, TypedArray>;
}

export function readArrays(buffer: ArrayBuffer): BinaryArrays {
  const length = new DataView(buffer).getUint32(0, true);
  const text = new TextDecoder().decode(new Uint8Array(buffer, 4, length));
  const header = JSON.parse(text) as Record<string, unknown>;
  const arrays: Record<string, TypedArray> = {};
  for (const { name, dtype, length: n, offset } of header["sections"] as Section[]) {
    arrays[name] = new CONSTRUCTORS[dtype](buffer, offset, n);
  }
  return { header, arrays };
}
