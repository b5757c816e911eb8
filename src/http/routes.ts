import {
  type Endpoint,
  eachCallEndpoint,
  OWN_ENDPOINTS,
  type OwnEndpoint,
} from "../gen/http-endpoints.ts";
import { avatarHandlers } from "./avatar/handlers.ts";
import { callHandler } from "./call-endpoint.ts";
import { refusePrefetch, SameSite } from "./csrf.ts";
import type { Handler, HttpParts } from "./exchange.ts";
import { pageRoutes } from "./pages.ts";
import { Refusal } from "./reply.ts";

/** Path → method → handler. A GET answers HEAD too. */
export type RouteTable = Readonly<Record<string, Readonly<Record<string, Handler>>>>;

/** Every URL that the HTTP tier answers; those of the API are declared in `schema/http-api.ts`. */
export function routes(parts: HttpParts): RouteTable {
  const avatar = avatarHandlers(parts);
  const ownHandlers: Readonly<Record<OwnEndpoint["name"], Handler>> = {
    updateProfilePic: avatar.update,
    showPicture: avatar.show,
  };
  const table: Record<string, Record<string, Handler>> = { ...pageRoutes(parts) };
  const sameSite = new SameSite(parts.publicOrigin, parts.log);
  eachCallEndpoint((endpoint) => add(endpoint, callHandler(endpoint, parts)));
  for (const endpoint of OWN_ENDPOINTS) add(endpoint, ownHandlers[endpoint.name]);
  return table;

  function add({ path, methods, changesState }: Endpoint, handler: Handler): void {
    const isLink = changesState && methods.includes("GET");
    const guarded = changesState ? guard(handler, isLink) : handler;
    for (const method of methods) put(path, method, guarded);
    // Else Bun would answer HEAD by the handler for GET.
    if (isLink) put(path, "HEAD", refuseMethod(methods));
  }

  function put(path: string, method: string, handler: Handler): void {
    if (table[path]?.[method]) throw new Error(`Cannot route ${method} ${path}: it is taken`);
    table[path] = { ...table[path], [method]: handler };
  }

  /** For what changes state: not for another site and, if a link can ask for it, not unasked. */
  function guard(handler: Handler, isLink: boolean): Handler {
    return (exchange) => {
      sameSite.check(exchange.request);
      if (isLink) refusePrefetch(exchange.request);
      return handler(exchange);
    };
  }
}

function refuseMethod(methods: readonly string[]): Handler {
  return () => Promise.reject(wrongMethod(methods));
}

/** @param methods that are taken; a GET answers HEAD too, unless that is refused */
export function wrongMethod(methods: readonly string[]): Refusal {
  const names = methods.toSorted();
  return new Refusal(405, `method: ${names.join(" or ")}`, { Allow: names.join(", ") });
}
