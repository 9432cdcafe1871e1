// SPDX-License-Identifier: Apache-2.0
// What a web page of another origin may not ask for. Browsers send some requests, and open WebSockets, for any page without asking
// the server first, and name the page's origin; programs name none.
import type { HttpRequest } from "uWebSockets.js";
import { OrtserveError } from "../errors.js";
import type { ServerContext } from "./context.js";

/**
 * @param origin the request's `Origin`, "" where it has none
 * @throws OrtserveError ERR_ORIGIN_REFUSED where it is neither this server's own, as `Host` has it, nor one of `--cors`
 */
export function checkOrigin({ settings: { cors } }: ServerContext, origin: string, request: HttpRequest): void {
  if (origin === "" || cors.includes("*") || cors.includes(origin)) return;
  const host = request.getHeader("host");
  if (isOwn(origin, host)) return;
  const expected = `expected a page of ${host || "this server"}, or an origin that --cors allows`;
  throw new OrtserveError("ERR_ORIGIN_REFUSED", `${expected}, got Origin '${origin.slice(0, 200)}'`);
}

export const expectedOrigin = "expected an origin as browsers send it, such as https://app.example, or *";

/** Whether a browser may ever send it as `Origin`: no path, no port that the scheme has anyway. Also "*". */
export function isOrigin(text: string): boolean {
  if (text === "*" || text === "null") return true;
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+$/.test(text)) return false;
  return !/^https?:/.test(text) || (URL.canParse(text) && new URL(text).origin === text);
}

/** The scheme is the browser's: a proxy may speak TLS for this server. It decides which port needs no mention. */
function isOwn(origin: string, host: string): boolean {
  try {
    const page = new URL(origin);
    return page.host === new URL(`${page.protocol}//${host}`).host;
  } catch {
    return false; // such as "null", of a page that hides where it is from
  }
}
