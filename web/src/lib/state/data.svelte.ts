/** What is known of one run: typed arrays of one entry an image, and the small tables. Only the server changes it. */

import { getFrame, getJson } from "../api/client";
import type { Frame } from "../api/frame";
import type { ClassRow, GroupRow, Probe, Run } from "../api/types";
import { Grid } from "../map/grid";
import { tally, type Tally } from "./tally";

export class RunData {
  readonly run: Run;
  readonly count: number;
  positions = new Float32Array(0);
  grid = new Grid(new Float32Array(0));
  classes = new Uint16Array(0);
  states = new Uint8Array(0);
  groups = new Int32Array(0);
  reasons = new Uint8Array(0);
  reasonNames: string[] = [];
  predictions = new Uint16Array(0);
  certainty = new Float32Array(0);
  revision = 0;

  /** Grows whenever an array above has changed. */
  version = $state(0);
  projection = $state("");
  classTable = $state.raw<ClassRow[]>([]);
  groupTable = $state.raw<GroupRow[]>([]);
  tally = $state.raw<Tally>({ classes: new Map(), groups: new Map(), unnamed: 0, excluded: 0 });
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

  /** Fetch all of a run at once. */
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
    // Read, so that what asks is asked again when the table is another.
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

  async choose(projection: string): Promise<void> {
    await this.#readPoints(projection);
    this.version++;
  }

  /** Bring the arrays up to the server's revision. Calls while one is under way become one more. */
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
    const { sections } = await getFrame(`${this.path}/predictions`);
    this.predictions = sections["prediction"] as Uint16Array<ArrayBuffer>;
    this.certainty = sections["certainty"] as Float32Array<ArrayBuffer>;
    this.version++;
  }

  async #catchUp(): Promise<void> {
    do {
      this.#again = false;
      const stale = this.#tablesStale;
      this.#tablesStale = { classes: false, groups: false };
      const changes = getFrame(`${this.path}/changes?since=${this.revision}`);
      await Promise.all([
        changes.then((frame) => (frame.header["full"] ? this.#readState() : this.#apply(frame))),
        stale.classes ? this.#readTable("classes") : null,
        stale.groups ? this.#readTable("groups") : null,
      ]);
      this.#count();
    } while (this.#again);
  }

  #apply({ header, sections }: Frame): void {
    const rows = sections["rows"] as Uint32Array;
    const classes = sections["class"];
    const states = sections["state"];
    const groups = sections["group"];
    const reasons = sections["reason"];
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i];
      this.classes[row] = classes[i];
      this.states[row] = states[i];
      this.groups[row] = groups[i];
      this.reasons[row] = reasons[i];
    }
    this.#noteReasons(header);
    this.revision = header["revision"] as number;
  }

  async #readState(): Promise<void> {
    const { header, sections } = await getFrame(`${this.path}/state`);
    this.classes = sections["class"] as Uint16Array<ArrayBuffer>;
    this.states = sections["state"] as Uint8Array<ArrayBuffer>;
    this.groups = sections["group"] as Int32Array<ArrayBuffer>;
    this.reasons = sections["reason"] as Uint8Array<ArrayBuffer>;
    this.predictions = sections["prediction"] as Uint16Array<ArrayBuffer>;
    this.certainty = sections["certainty"] as Float32Array<ArrayBuffer>;
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
    const { sections } = await getFrame(`${this.path}/points?${query}`);
    const positions = new Float32Array(2 * this.count);
    const x = sections["x"];
    const y = sections["y"];
    for (let row = 0; row < this.count; row++) {
      // What has no place lies outside of all that can be seen.
      positions[2 * row] = Number.isNaN(x[row]) ? 1e9 : x[row];
      positions[2 * row + 1] = Number.isNaN(y[row]) ? 1e9 : y[row];
    }
    this.positions = positions;
    this.grid = new Grid(positions);
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
    this.tally = tally(this.classes, this.states, this.groups);
    this.version++;
  }
}
