/** Asks the server, and turns whatever goes wrong into one line of plain words. */

import { readFrame, type Frame } from "./frame";

/** A name of this page, so that it knows its own changes among those of others. */
export const CLIENT = Array.from(crypto.getRandomValues(new Uint32Array(2)), (n) => n.toString(36)).join("");

const LOST = "The server does not answer: nothing was changed. The page goes on as soon as it is back.";

export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly kind: string,
  ) {
    super(message);
  }

  get lost(): boolean {
    return this.status === 0;
  }
}

async function ask(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`api/${path}`, { credentials: "same-origin", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(LOST, 0, "lost");
  }
  if (response.ok) return response;
  const said = (await response.json().catch(() => null)) as { error?: string; kind?: string } | null;
  throw new ApiError(
    said?.error ?? `The server answered ${response.status}: reload the page.`,
    response.status,
    said?.kind ?? "fault",
  );
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await ask(path, signal ? { signal } : {})).json()) as T;
}

export async function getFrame(path: string, signal?: AbortSignal): Promise<Frame> {
  return readFrame(await (await ask(path, signal ? { signal } : {})).arrayBuffer());
}

function post(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  return ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Facies-Client": CLIENT },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
}

export async function postJson<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return (await (await post(path, body, signal)).json()) as T;
}

export async function postFrame(path: string, body: unknown, signal?: AbortSignal): Promise<Frame> {
  return readFrame(await (await post(path, body, signal)).arrayBuffer());
}

export async function remove(path: string): Promise<void> {
  await ask(path, {
    method: "DELETE",
    headers: { "Content-Type": "application/json", "X-Facies-Client": CLIENT },
    body: "{}",
  });
}
