/** The data of one run: typed arrays with one entry per image, and tables; they change only as the server says. */

import { getArrays, getJson } from "../api/client";
import type { BinaryArrays } from "../api/binaryFormat";
import type { ClassRow, GroupRow, Probe, Run } from "../api/types";
import { PointGrid } from "../map/pointGrid";
import { Filter } from "./filter.svelte";
import type { PhysicalSizes } from "./physicalScale";
import { countImages, type ImageCounts } from "./counts";

export class RunData {
  readonly run: Run;
  readonly count: number;
  positions = new Float32Array(0);
  grid = new PointGrid(new Float32Array(0));
  classes = new Uint16Array(0);
  states = new Uint8Array(0);
  groups = new Int32Array(0);
  reasons = new Uint8Array(0);
  /** 1 for images that an expert has judged by themselves, and not only as one of their group. */
  looked = new Uint8Array(0);
  reasonNames: string[] = [];
  /** Sizes of the images in nature, once they were asked for. */
  sizes = $state.raw<PhysicalSizes | null>(null);
  predictions = new Uint16Array(0);
  certainty = new Float32Array(0);
  revision = 0;
  /** The filter that is on. */
  readonly filter = new Filter();

  /** Increases whenever an array above has changed. */
  version = $state(0);
  projection = $state("");
  classTable = $state.raw<ClassRow[]>([]);
  groupTable = $state.raw<GroupRow[]>([]);
  counts = $state.raw<ImageCounts>({ classes: new Map(), groups: new Map(), unnamed: 0, excluded: 0 });
  probe = $state.raw<Probe>()!;
  canUndo = $state(false);
  canRedo = $state(false);

  #classById = new Map<number, ClassRow>();
  #groupById = new Map<number, GroupRow>();
  #syncing: Promise<void> | null = null;
  #again = false;
  #tablesStale = { classes: false, groups: false };

  private constructor(run: Run) {
    this.run = run;
    this.count = run.n_images;
    this.probe = run.probe;
    this.canUndo = run.undo;
    this.canRedo = run.redo;
  }

  /** Fetches all data of a run. */
  static async open(key: string, projection?: string): Promise<RunData> {
    const run = await getJson<Run>(`runs/${encodeURIComponent(key)}`);
    const data = new RunData(run);
    await Promise.all([
      data.#readPoints(projection),
      data.#readState(),
      data.#readTable("classes"),
      data.#readTable("groups"),
    ]);
    data.#count();
    return data;
  }

  get path(): string {
    return `runs/${encodeURIComponent(this.run.key)}`;
  }

  classOf(id: number): ClassRow | undefined {
    // Read, so that callers are updated when the table changes.
    void this.classTable;
    return this.#classById.get(id);
  }

  groupOf(id: number): GroupRow | undefined {
    void this.groupTable;
    return this.#groupById.get(id);
  }

  classWithKey(key: string): ClassRow | undefined {
    return this.classTable.find((row) => row.key === key);
  }

  /** Fetches the sizes of the images in nature, unless they are there or all alike. */
  async loadSizes(): Promise<void> {
    if (this.sizes || this.run.scale === null || this.run.scale.width_um !== null) return;
    const { arrays } = await getArrays(`${this.path}/sizes`);
    this.sizes = { width: arrays["width"], height: arrays["height"] };
  }

  async choose(projection: string): Promise<void> {
    await this.#readPoints(projection);
    this.version++;
  }

  /** Brings the arrays to the revision of the server. Calls while one is running cause one more run. */
  sync(stale: { classes?: boolean; groups?: boolean } = {}): Promise<void> {
    this.#tablesStale.classes ||= stale.classes ?? false;
    this.#tablesStale.groups ||= stale.groups ?? false;
    if (this.#syncing) {
      this.#again = true;
      return this.#syncing;
    }
    this.#syncing = this.#catchUp().finally(() => {
      this.#syncing = null;
    });
    return this.#syncing;
  }

  async readPredictions(probe: Probe): Promise<void> {
    this.probe = probe;
    if (probe.status !== "ready") return;
    const { arrays } = await getArrays(`${this.path}/predictions`);
    this.predictions = arrays["prediction"] as Uint16Array<ArrayBuffer>;
    this.certainty = arrays["certainty"] as Float32Array<ArrayBuffer>;
    this.version++;
    await this.filter.refresh(this);
  }

  async #catchUp(): Promise<void> {
    do {
      this.#again = false;
      const stale = this.#tablesStale;
      this.#tablesStale = { classes: false, groups: false };
      const changes = getArrays(`${this.path}/changes?since=${this.revision}`);
      await Promise.all([
        changes.then((message) => (message.header["full"] ? this.#readState() : this.#apply(message))),
        stale.classes ? this.#readTable("classes") : null,
        stale.groups ? this.#readTable("groups") : null,
      ]);
      this.#count();
      await this.filter.refresh(this);
    } while (this.#again);
  }

  #apply({ header, arrays }: BinaryArrays): void {
    const rows = arrays["rows"] as Uint32Array;
    const classes = arrays["class"];
    const states = arrays["state"];
    const groups = arrays["group"];
    const reasons = arrays["reason"];
    const looked = arrays["looked"];
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i];
      this.classes[row] = classes[i];
      this.states[row] = states[i];
      this.groups[row] = groups[i];
      this.reasons[row] = reasons[i];
      this.looked[row] = looked[i];
    }
    this.#noteReasons(header);
    this.revision = header["revision"] as number;
  }

  async #readState(): Promise<void> {
    const { header, arrays } = await getArrays(`${this.path}/state`);
    this.classes = arrays["class"] as Uint16Array<ArrayBuffer>;
    this.states = arrays["state"] as Uint8Array<ArrayBuffer>;
    this.groups = arrays["group"] as Int32Array<ArrayBuffer>;
    this.reasons = arrays["reason"] as Uint8Array<ArrayBuffer>;
    this.looked = arrays["looked"] as Uint8Array<ArrayBuffer>;
    this.predictions = arrays["prediction"] as Uint16Array<ArrayBuffer>;
    this.certainty = arrays["certainty"] as Float32Array<ArrayBuffer>;
    this.#noteReasons(header);
    this.revision = header["revision"] as number;
  }

  #noteReasons(header: Record<string, unknown>): void {
    if (Array.isArray(header["reasons"])) this.reasonNames = header["reasons"] as string[];
  }

  async #readPoints(projection?: string): Promise<void> {
    const chosen = this.run.projections.find(({ name }) => name === projection) ?? this.run.projections[0];
    if (!chosen) return;
    const query = `projection=${encodeURIComponent(chosen.name)}&v=${encodeURIComponent(chosen.v)}`;
    const { arrays } = await getArrays(`${this.path}/points?${query}`);
    const positions = new Float32Array(2 * this.count);
    const x = arrays["x"];
    const y = arrays["y"];
    for (let row = 0; row < this.count; row++) {
      // Images without a position are placed outside of every view.
      positions[2 * row] = Number.isNaN(x[row]) ? 1e9 : x[row];
      positions[2 * row + 1] = Number.isNaN(y[row]) ? 1e9 : y[row];
    }
    this.positions = positions;
    this.grid = new PointGrid(positions);
    this.projection = chosen.name;
  }

  async #readTable(name: "classes" | "groups"): Promise<void> {
    if (name === "classes") {
      const { classes } = await getJson<{ classes: ClassRow[] }>(`${this.path}/classes`);
      this.#classById = new Map(classes.map((row) => [row.id, row]));
      this.classTable = classes;
    } else {
      const { groups } = await getJson<{ groups: GroupRow[] }>(`${this.path}/groups`);
      this.#groupById = new Map(groups.map((row) => [row.group, row]));
      this.groupTable = groups;
    }
  }

  #count(): void {
    this.counts = countImages(this.classes, this.states, this.groups);
    this.version++;
  }
}
