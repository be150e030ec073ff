/**
 * Listens to the server-sent events: changes, jobs and fits of the classifier.
 *
 * A browser keeps at most six connections to a server, and the stream is one of them. So a hidden page closes it, and
 * fetches what it has missed when it is visible again.
 */

import { apiUrl } from "./page";
import type { ChangeEvent, JobEvent, Probe } from "./types";

export interface Listeners {
  hello(runs: Record<string, number>): void;
  change(event: ChangeEvent): void;
  probe(event: Probe & { run: string }): void;
  job(event: JobEvent): void;
  lost(): void;
}

const RETRY_MS = 1000;

/** Listens as long as the page lives; what it returns asks the server anew, after a request that did not reach it. */
export function listen(to: Listeners): () => void {
  let source: EventSource | null = null;
  let retry = 0;
  const open = (): void => {
    source = new EventSource(apiUrl("events"));
    const on = <T>(name: string, handle: (data: T) => void): void =>
      source!.addEventListener(name, (event) => {
        handle(JSON.parse((event as MessageEvent<string>).data) as T);
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
    if (document.hidden) return;
    to.lost();
    clearTimeout(retry);
    retry = window.setTimeout(open, RETRY_MS);
  };
  const onVisibility = (): void => {
    source?.close();
    clearTimeout(retry);
    if (!document.hidden) open();
  };
  document.addEventListener("visibilitychange", onVisibility);
  open();
  return again;
}
