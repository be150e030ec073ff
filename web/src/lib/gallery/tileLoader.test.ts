import { beforeEach, expect, it, vi } from "vitest";
import { BATCH, TileLoader, type Sheet, type Tile } from "./tileLoader";

interface Request {
  rows: number[];
  query: string;
  stop: AbortSignal;
  answer(sheet?: Sheet): void;
  refuse(error: unknown): void;
}

let requests: Request[];
let dropped: unknown[];
let again: boolean;
let loader: TileLoader;

beforeEach(() => {
  vi.useFakeTimers();
  [requests, dropped, again] = [[], [], false];
  loader = new TileLoader(
    {
      load: (rows, query, stop) =>
        new Promise((resolve, reject) => {
          stop.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")));
          const answer = (): void => resolve({ image: { width: rows[0] } as ImageBitmap });
          requests.push({ rows, query, stop, answer, refuse: reject });
        }),
      drop: ({ image }) => dropped.push(image?.width),
      came: () => undefined,
      failed: () => again,
    },
    2,
  );
});

function use(rows: number[], query = ""): Tile[] {
  return rows.map((row) => {
    const tile = loader.tile(row, query);
    loader.use(tile);
    return tile;
  });
}

const turn = (milliseconds = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds);

it("thumbnails that are drawn together are asked for together, each once", async () => {
  use([5, 3, 5]);
  use([3], "&layer=1");
  await turn();
  expect(requests.map(({ rows, query }) => [rows, query])).toEqual([
    [[5, 3], ""],
    [[3], "&layer=1"],
  ]);
});

it("a thumbnail knows its place, and tells when it has come", async () => {
  const [first, second] = use([5, 3]);
  second.wake = vi.fn();
  await turn();
  expect(first.sheet).toBeNull();
  requests[0].answer();
  await turn();
  expect(first.sheet?.columns).toBe(2);
  expect(second.place).toBe(1);
  expect(second.wake).toHaveBeenCalledOnce();
});

it("what is scrolled past is cancelled, or never asked for", async () => {
  const rows = Array.from({ length: 5 * BATCH }, (_, i) => i);
  const tiles = use(rows);
  await turn();
  expect(requests.length).toBe(3);
  for (const tile of tiles.slice(0, BATCH)) loader.release(tile);
  for (const tile of tiles.slice(BATCH, 2 * BATCH - 1)) loader.release(tile);
  for (const tile of tiles.slice(3 * BATCH)) loader.release(tile);
  expect(requests.map(({ stop }) => stop.aborted)).toEqual([true, false, false]);
  requests[1].answer();
  requests[2].answer();
  await turn(10_000);
  expect(requests.length).toBe(3);
  expect(tiles[2 * BATCH - 1].sheet).not.toBeNull();
});

it("a thumbnail that comes back into view after its request was cancelled is asked for again, once", async () => {
  const [tile] = use([7]);
  await turn();
  loader.release(tile);
  const [same] = use([7]);
  await turn(10_000);
  expect(requests.map(({ stop }) => stop.aborted)).toEqual([true, false]);
  requests[1].answer();
  await turn();
  expect(same.sheet).not.toBeNull();
});

it("only the sheets that were used last are held, and those in use", async () => {
  const [kept] = use([0]);
  await turn();
  requests[0].answer();
  await turn();
  for (const row of [1, 2, 3]) {
    const [tile] = use([row]);
    await turn();
    requests[row].answer();
    await turn();
    loader.release(tile);
  }
  use([4]);
  await turn();
  requests[4].answer();
  await turn();
  expect(loader.held).toBe(2);
  expect(dropped).toEqual([1, 2, 3]);
  expect(kept.sheet).not.toBeNull();
  use([3]);
  await turn();
  expect(requests[5].rows).toEqual([3]);
});

it("after a lost connection it asks again, after a refusal it does not", async () => {
  use([1]);
  await turn();
  again = true;
  requests[0].refuse(new Error("lost"));
  await turn(10_000);
  expect(requests.length).toBe(2);
  again = false;
  requests[1].refuse(new Error("no such image"));
  await turn(10_000);
  expect(requests.length).toBe(2);
});
