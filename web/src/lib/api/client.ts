/** Sends requests to the server, and turns every failure into an error of one line. */

import { PAGE_KEY } from "./page";
import { readArrays, type BinaryArrays } from "./binaryFormat";

/** Identity of this page, by which it recognises its own changes in the events. */
export const CLIENT = Array.from(crypto.getRandomValues(new Uint32Array(2)), (n) => n.toString(36)).join("");

const PERSON = "facies-person";

/** Returns the name that the person at this browser has given; empty before. */
export function person(): string {
  return localStorage.getItem(PERSON) ?? "";
}

/** Sets the name that the actions of this browser bear from now on. */
export function setPerson(name: string): void {
  localStorage.setItem(PERSON, name.trim());
}

function personHeader(): Record<string, string> {
  return person() ? { "X-Facies-User": encodeURIComponent(person()) } : {};
}

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
    const headers = {
      ...(init.headers as Record<string, string> | undefined),
      "X-Facies-Page": PAGE_KEY,
      ...personHeader(),
    };
    response = await fetch(`api/${path}`, { credentials: "same-origin", ...init, headers });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(LOST, 0, "lost");
  }
  if (response.ok) return response;
  const body = (await response.json().catch(() => null)) as { error?: string; kind?: string } | null;
  throw new ApiError(
    body?.error ?? `The server answered ${response.status}: reload the page.`,
    response.status,
    body?.kind ?? "fault",
  );
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await ask(path, signal ? { signal } : {})).json()) as T;
}

export async function getArrays(path: string, signal?: AbortSignal): Promise<BinaryArrays> {
  return readArrays(await (await ask(path, signal ? { signal } : {})).arrayBuffer());
}

export async function getBlob(path: string, signal: AbortSignal): Promise<Blob> {
  return (await ask(path, { signal })).blob();
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

export async function postArrays(path: string, body: unknown, signal?: AbortSignal): Promise<BinaryArrays> {
  return readArrays(await (await post(path, body, signal)).arrayBuffer());
}

export async function remove(path: string): Promise<void> {
  await ask(path, {
    method: "DELETE",
    headers: { "Content-Type": "application/json", "X-Facies-Client": CLIENT },
    body: "{}",
  });
}
