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
import { probeRoutes } from "./probes.ts";
import { Refusal } from "./reply.ts";

/** Path → method → handler. A GET answers HEAD too. */
export type RouteTable = Readonly<Record<string, Readonly<Record<string, Handler>>>>;

/** All URLs of the HTTP tier. `schema/http-api.ts` declares those of the API. */
export function routes(parts: HttpParts): RouteTable {
  const avatar = avatarHandlers(parts);
  const ownHandlers: Readonly<Record<OwnEndpoint["name"], Handler>> = {
    updateProfilePic: avatar.update,
    showPicture: avatar.show,
  };
  const table: Record<string, Record<string, Handler>> = {
    ...pageRoutes(parts),
    ...probeRoutes(parts),
  };
  const sameSite = new SameSite(parts.publicOrigin, parts.log);
  eachCallEndpoint((endpoint) => add(endpoint, callHandler(endpoint, parts)));
  for (const endpoint of OWN_ENDPOINTS) add(endpoint, ownHandlers[endpoint.name]);
  return table;

  function add({ path, methods, changesState }: Endpoint, handler: Handler): void {
    const isLink = changesState && methods.includes("GET");
    const guarded = changesState ? guard(handler, isLink) : handler;
    for (const method of methods) put(path, method, guarded);
    // Without this handler, Bun answers HEAD with the handler of GET.
    if (isLink) put(path, "HEAD", refuseMethod(methods));
  }

  function put(path: string, method: string, handler: Handler): void {
    if (table[path]?.[method]) throw new Error(`Cannot route ${method} ${path}: it is taken`);
    table[path] = { ...table[path], [method]: handler };
  }

  /** Refuse other sites and, if a link can cause the change, prefetching. */
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

/** Why no route answers a request: 404 or 405. */
export function unrouted(table: RouteTable, request: Request): Refusal {
  // new URL() would throw if the Host header is not valid in a URL.
  const pathname = /^(?:https?:\/\/[^/]*)?([^?#]*)/.exec(request.url)?.[1] ?? "";
  const route = Object.entries(table).find(([path]) => matches(path, pathname));
  // If the route takes this method, the path was written in another way, such as with `..`.
  const takesMethod = route?.[1][request.method === "HEAD" ? "GET" : request.method] !== undefined;
  if (!route || takesMethod) return new Refusal(404, "path: nothing is at this path");
  const methods = Object.keys(route[1]);
  // Every handler of HEAD in the table refuses the method.
  if (methods.includes("HEAD")) return wrongMethod(methods.filter((name) => name !== "HEAD"));
  return wrongMethod(methods.includes("GET") ? [...methods, "HEAD"] : methods);
}

/** Whether a path belongs to a route. `:name` stands for one segment. */
function matches(route: string, pathname: string): boolean {
  const [wanted, given] = [route.split("/"), pathname.split("/")];
  return (
    wanted.length === given.length &&
    wanted.every((part, index) => part === given[index] || (part.startsWith(":") && given[index]))
  );
}

/** @param methods that the path takes */
function wrongMethod(methods: readonly string[]): Refusal {
  const names = methods.toSorted();
  return new Refusal(405, `method: ${names.join(" or ")}`, { Allow: names.join(", ") });
}
