import {
  CALL_ENDPOINTS,
  type Endpoint,
  OWN_ENDPOINTS,
  type OwnEndpoint,
} from "../gen/http-endpoints.ts";
import { avatarHandlers } from "./avatar/handlers.ts";
import { callHandler } from "./call-endpoint.ts";
import { docsRoutes } from "./docs.ts";
import type { Handler, HttpParts } from "./exchange.ts";
import { homeHandler } from "./home.ts";
import { pageRoutes } from "./pages.ts";
import { refuseCrossSite } from "./request.ts";

/** Path → method → handler. A GET answers HEAD too. */
export type RouteTable = Readonly<Record<string, Readonly<Record<string, Handler>>>>;

/** Every URL that the HTTP tier answers; those of the API are declared in `schema/http-api.ts`. */
export function routes(parts: HttpParts): RouteTable {
  const avatar = avatarHandlers(parts);
  const ownHandlers: Readonly<Record<OwnEndpoint["name"], Handler>> = {
    updateProfilePic: avatar.update,
    showPicture: avatar.show,
  };
  const table: Record<string, Record<string, Handler>> = {
    "/": { GET: homeHandler(parts) },
    ...docsRoutes(parts.publicFolder), // /docs and what it loads
    ...pageRoutes(parts.publicFolder), // /signUp.html, /openapi.json, …
  };
  for (const endpoint of CALL_ENDPOINTS) add(endpoint, callHandler(endpoint, parts));
  for (const endpoint of OWN_ENDPOINTS) add(endpoint, ownHandlers[endpoint.name]);
  return table;

  function add({ path, methods, isChanging }: Endpoint, handler: Handler): void {
    const guarded = isChanging ? sameSite(handler) : handler;
    for (const method of methods) {
      if (table[path]?.[method]) throw new Error(`Cannot route ${method} ${path}: it is taken`);
      table[path] = { ...table[path], [method]: guarded };
    }
  }

  /** For what changes state: not on behalf of another site. */
  function sameSite(handler: Handler): Handler {
    return (exchange) => {
      refuseCrossSite(exchange.request, parts.publicUrl);
      return handler(exchange);
    };
  }
}
