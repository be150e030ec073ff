import { describe, expect, it } from "vitest";
import { readArrays } from "./binaryFormat";

const START = 256;

function message(header: object, body: ArrayBuffer[]): ArrayBuffer {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(START + body.reduce((sum, part) => sum + part.byteLength, 0)).fill(32);
  new DataView(bytes.buffer).setUint32(0, START - 4, true);
  bytes.set(text, 4);
  let at = START;
  for (const part of body) {
    bytes.set(new Uint8Array(part), at);
    at += part.byteLength;
  }
  return bytes.buffer;
}

describe("readArrays", () => {
  it("returns header and arrays", () => {
    const header = {
      revision: 17,
      sections: [
        { name: "rows", dtype: "uint32", length: 2, offset: START },
        { name: "x", dtype: "float32", length: 2, offset: START + 8 },
      ],
    };
    const read = readArrays(message(header, [Uint32Array.of(3, 9).buffer, Float32Array.of(0.5, NaN).buffer]));
    expect(read.header["revision"]).toBe(17);
    expect([...read.arrays["rows"]]).toEqual([3, 9]);
    expect([...read.arrays["x"]]).toEqual([0.5, NaN]);
  });
});
