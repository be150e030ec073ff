/** The stream of what others do. The browser reconnects by itself; silence is taken for a loss. */

import type { ChangeEvent, JobEvent, Probe } from "./types";

export interface Listeners {
  hello(runs: Record<string, number>): void;
  change(event: ChangeEvent): void;
  probe(event: Probe & { run: string }): void;
  job(event: JobEvent): void;
  lost(): void;
}

const RETRY_MS = 1000;

/** Listen until the returned function is called. */
export function listen(to: Listeners): () => void {
  let source: EventSource | null = null;
  let retry = 0;
  let ended = false;
  const open = (): void => {
    source = new EventSource("api/events");
    const on = <T>(name: string, hear: (data: T) => void): void =>
      source!.addEventListener(name, (event) => {
        hear(JSON.parse((event as MessageEvent<string>).data) as T);
      });
    on<{ runs: Record<string, number> }>("hello", ({ runs }) => to.hello(runs));
    on<ChangeEvent>("change", (event) => to.change(event));
    on<Probe & { run: string }>("probe", (event) => to.probe(event));
    on<JobEvent>("job", (event) => to.job(event));
    on("closing", again);
    source.onerror = again;
  };
  const again = (): void => {
    source?.close();
    if (ended) return;
    to.lost();
    clearTimeout(retry);
    retry = window.setTimeout(open, RETRY_MS);
  };
  open();
  return () => {
    ended = true;
    clearTimeout(retry);
    source?.close();
  };
}
