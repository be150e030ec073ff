/**
 * The key of this page: without it, the cookie alone opens nothing.
 *
 * Browsers send a cookie to every port of a machine; the key is kept per port and is sent only to the server it is from.
 * It arrives after the # of the address, which no browser sends anywhere.
 */

const STORED = "facies-page";

const arrived = new URLSearchParams(location.hash.slice(1)).get("page");
if (arrived !== null) {
  localStorage.setItem(STORED, arrived);
  history.replaceState(null, "", location.pathname + location.search);
}

export const PAGE_KEY = arrived ?? localStorage.getItem(STORED) ?? "";

/** Returns the address of something that the browser fetches by itself: a picture, a download, the stream of events. */
export function apiUrl(path: string): string {
  return `api/${path}${path.includes("?") ? "&" : "?"}page=${encodeURIComponent(PAGE_KEY)}`;
}
