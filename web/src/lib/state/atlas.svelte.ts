/** The one place that all parts of the page share: the run, the view, the words, and the way to change anything. */

import { ApiError, CLIENT, getJson, postJson } from "../api/client";
import { listen } from "../api/events";
import type { ChangeEvent, Done, JobEvent, Probe, RunLine, Session } from "../api/types";
import { RunData } from "./data.svelte";
import { Toasts } from "./toasts.svelte";
import { View } from "./view.svelte";

export type Action = { kind: string } & Record<string, unknown>;

class Atlas {
  session = $state.raw<Session | null>(null);
  runs = $state.raw<RunLine[]>([]);
  data = $state.raw<RunData | null>(null);
  view = $state.raw(new View());
  toasts = new Toasts();
  failure = $state<string | null>(null);
  connected = $state(true);
  /** How many changes are on their way to the disk. */
  pending = $state(0);
  /** Whether keys without ctrl do something; speech input and some other aids need them off. */
  singleKeys = $state(true);
  /** Read out by screen readers. */
  spoken = $state("");

  #chain: Promise<unknown> = Promise.resolve();
  #jobs = new Map<string, (event: JobEvent) => void>();
  #early = new Map<string, JobEvent>();

  async start(key: string | undefined, projection: string | undefined): Promise<void> {
    try {
      this.session = await getJson<Session>("session");
      this.runs = this.session.runs;
      const line = this.runs.find((run) => run.key === key) ?? this.runs[0];
      if (line) this.data = await RunData.open(line.key, projection);
      listen({
        hello: (runs) => this.#hello(runs),
        change: (event) => this.#changed(event),
        probe: (event) => this.#probed(event),
        job: (event) => this.#hearJob(event),
        lost: () => (this.connected = false),
      });
    } catch (error) {
      this.failure = wordsOf(error);
    }
  }

  async open(key: string): Promise<void> {
    await this.attempt(async () => {
      const data = await RunData.open(key);
      this.view = Object.assign(new View(), { dark: this.view.dark });
      this.data = data;
    });
  }

  say(text: string, kind: "done" | "error" | "note" = "note", undoes = false): void {
    this.toasts.say(text, kind, undoes);
    this.spoken = text;
  }

  /** Do one thing after all that were asked for before it, so that quick keys are never lost. */
  queue<T>(work: () => Promise<T>): Promise<T | undefined> {
    const turn = this.#chain.then(() => this.attempt(work));
    this.#chain = turn;
    return turn;
  }

  /** Do it, and say in plain words if it fails. */
  async attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return undefined;
      if (error instanceof ApiError && error.lost) this.connected = false;
      this.say(wordsOf(error), "error");
      return undefined;
    }
  }

  /** Send one decision. When this returns it is on the disk, and the arrays know of it. */
  async act(action: Action, quiet = false): Promise<Done> {
    const data = this.data!;
    this.pending++;
    try {
      const done = await postJson<Done>(`${data.path}/actions`, action);
      data.canUndo = done.undo;
      data.canRedo = done.redo;
      const undoing = action.kind === "undo" || action.kind === "redo";
      if (!quiet) this.say(done.text, "done", !undoing && done.undo);
      await data.sync({
        classes: undoing || action.kind.includes("class") || "name" in action,
        groups: undoing || ["merge", "split", "recluster"].includes(action.kind),
      });
      return done;
    } finally {
      this.pending--;
    }
  }

  /** Wait for a job that the server has begun. */
  job(id: string, heard?: (event: JobEvent) => void): Promise<JobEvent> {
    return new Promise((resolve) => {
      const hear = (event: JobEvent): void => {
        heard?.(event);
        if (event.status === "working" || event.status === "queued") return;
        this.#jobs.delete(id);
        resolve(event);
      };
      this.#jobs.set(id, hear);
      const early = this.#early.get(id);
      if (early) hear(early);
    });
  }

  #hearJob(event: JobEvent): void {
    const hear = this.#jobs.get(event.job);
    if (hear) hear(event);
    else this.#early.set(event.job, event);
  }

  #hello(runs: Record<string, number>): void {
    const back = !this.connected;
    this.connected = true;
    const data = this.data;
    if (!data) return;
    if (runs[data.run.key] !== data.revision) void this.attempt(() => data.sync({ classes: true, groups: true }));
    if (back) {
      this.say("The server is back. Nothing that was acknowledged is lost.");
      void this.attempt(async () => data.readPredictions(await getJson<Probe>(`${data.path}/probe`)));
    }
  }

  #changed(event: ChangeEvent): void {
    const data = this.data;
    if (!data || event.run !== data.run.key) return;
    data.canUndo = event.undo;
    data.canRedo = event.redo;
    if (event.client === CLIENT) return;
    this.say(`${event.user}: ${event.text}`);
    void this.attempt(() => data.sync({ classes: event.classes, groups: event.groups }));
  }

  #probed(event: Probe & { run: string }): void {
    const data = this.data;
    if (data && event.run === data.run.key) void this.attempt(() => data.readPredictions(event));
  }
}

export function wordsOf(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  return `The page stumbled: ${error instanceof Error ? error.message : String(error)}. Reload it; what was acknowledged is kept.`;
}

export const atlas = new Atlas();
