/** The state that all components share: the run, the view, the notifications, and the functions that change the run. */

import { ApiError, CLIENT, getJson, person, postJson, setPerson } from "../api/client";
import { listen } from "../api/events";
import type { ChangeEvent, ActionResult, JobEvent, Probe, Run, RunSummary, Session } from "../api/types";
import { RunData } from "./data.svelte";
import { keys } from "./keys.svelte";
import { Toasts } from "./toasts.svelte";
import { View } from "./view.svelte";

export type Action = { kind: string } & Record<string, unknown>;

/** Actions after which there are other groups. */
const REGROUPING = ["merge", "split", "recluster", "move", "cut_tree", "split_tree", "merge_tree"];

class Atlas {
  session = $state.raw<Session | null>(null);
  runs = $state.raw<RunSummary[]>([]);
  data = $state.raw<RunData | null>(null);
  view = $state.raw(new View());
  toasts = new Toasts();
  failure = $state<string | null>(null);
  connected = $state(true);
  /** Number of changes that the server has not acknowledged yet. */
  pending = $state(0);
  /** Whether keys without ctrl run commands; speech input needs them off. */
  singleKeys = $state(true);
  /** The name that is shown on the page. */
  person = $state("");
  /** What screen readers read out. */
  announcement = $state("");

  #askAnew = (): void => {};
  #chain: Promise<unknown> = Promise.resolve();
  #jobs = new Map<string, (event: JobEvent) => void>();
  #early = new Map<string, JobEvent>();

  async start(key: string | undefined, projection: string | undefined): Promise<void> {
    try {
      this.session = await getJson<Session>("session");
      this.runs = this.session.runs;
      this.person = this.user;
      keys.load(this.person);
      const line = this.runs.find((run) => run.key === key) ?? this.runs[0];
      if (line) this.data = await RunData.open(line.key, projection);
      this.#askAnew = listen({
        hello: (runs) => this.#onHello(runs),
        change: (event) => this.#onChange(event),
        probe: (event) => this.#onProbe(event),
        job: (event) => this.#onJob(event),
        lost: () => (this.connected = false),
      });
    } catch (error) {
      this.failure = errorMessage(error);
    }
  }

  /** The name that the actions of this page bear. */
  get user(): string {
    return person() || (this.session?.user ?? "");
  }

  async open(key: string): Promise<void> {
    await this.attempt(async () => {
      const data = await RunData.open(key);
      this.view = Object.assign(new View(), { dark: this.view.dark });
      this.data = data;
    });
  }

  /** Sets the name that the actions of this page bear, and asks what this person can undo. */
  async rename(name: string): Promise<void> {
    setPerson(name);
    this.person = this.user;
    keys.load(this.person);
    const data = this.data;
    if (!data) return;
    const run = await getJson<Run>(data.path);
    data.canUndo = run.undo;
    data.canRedo = run.redo;
  }

  notify(text: string, kind: "done" | "error" | "note" = "note", undoes = false): void {
    this.toasts.add(text, kind, undoes);
    this.announcement = text;
  }

  /** Runs `work` after all that was queued before it, so that no key of a fast typist is lost. */
  queue<T>(work: () => Promise<T>): Promise<T | undefined> {
    const turn = this.#chain.then(() => this.attempt(work));
    this.#chain = turn;
    return turn;
  }

  /** Runs `work`, and notifies of its error if it fails. */
  async attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return undefined;
      if (error instanceof ApiError && error.lost) this.#askAnew();
      this.notify(errorMessage(error), "error");
      return undefined;
    }
  }

  /** Performs an action. When this returns, it is on the disk, and the arrays are up to date. */
  async act(action: Action, quiet = false): Promise<ActionResult> {
    const data = this.data!;
    this.pending++;
    try {
      const done = await postJson<ActionResult>(`${data.path}/actions`, action);
      data.canUndo = done.undo;
      data.canRedo = done.redo;
      const undoing = ["undo", "redo", "revert"].includes(action.kind);
      if (!quiet) this.notify(done.text, "done", !undoing && done.undo);
      await data.sync({
        classes: undoing || action.kind.includes("class") || "name" in action,
        groups: undoing || REGROUPING.includes(action.kind),
      });
      return done;
    } finally {
      this.pending--;
    }
  }

  /** Waits for the end of a job of the server. */
  job(id: string, onProgress?: (event: JobEvent) => void): Promise<JobEvent> {
    return new Promise((resolve) => {
      const handle = (event: JobEvent): void => {
        onProgress?.(event);
        if (event.status === "working" || event.status === "queued") return;
        this.#jobs.delete(id);
        resolve(event);
      };
      this.#jobs.set(id, handle);
      const early = this.#early.get(id);
      if (early) handle(early);
    });
  }

  #onJob(event: JobEvent): void {
    const handle = this.#jobs.get(event.job);
    if (handle) handle(event);
    else this.#early.set(event.job, event);
  }

  #onHello(runs: Record<string, number>): void {
    const back = !this.connected;
    this.connected = true;
    const data = this.data;
    if (!data) return;
    if (runs[data.run.key] !== data.revision) void this.attempt(() => data.sync({ classes: true, groups: true }));
    if (back) {
      this.notify("The server is back. Nothing that was acknowledged is lost.");
      void this.attempt(async () => data.readPredictions(await getJson<Probe>(`${data.path}/probe`)));
    }
  }

  #onChange(event: ChangeEvent): void {
    const data = this.data;
    if (!data || event.run !== data.run.key) return;
    if (event.client === CLIENT) return;
    // What can be undone is one's own: only the actions of the same person, at another browser, change it.
    if (event.user === this.user) {
      data.canUndo = event.undo;
      data.canRedo = event.redo;
    }
    this.notify(`${event.user}: ${event.text}`);
    void this.attempt(() => data.sync({ classes: event.classes, groups: event.groups }));
  }

  #onProbe(event: Probe & { run: string }): void {
    const data = this.data;
    if (data && event.run === data.run.key) void this.attempt(() => data.readPredictions(event));
  }
}

export function errorMessage(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  return `The page stumbled: ${error instanceof Error ? error.message : String(error)}. Reload it; what was acknowledged is kept.`;
}

export const atlas = new Atlas();
