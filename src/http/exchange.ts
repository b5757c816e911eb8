import type { Server } from "bun";
import type { Clients } from "../gen/http-endpoints.ts";
import type { Log } from "../rpc/log.ts";
import type { Pictures } from "./avatar/image.ts";
import type { AvatarRemovals } from "./avatar/removals.ts";
import type { AvatarStore } from "./avatar/store.ts";
import type { Bodies } from "./body.ts";
import type { SessionCookie } from "./session-cookie.ts";

/** What the handlers are made of. */
export interface HttpParts {
  /** The services of the TCP tier. */
  readonly clients: Clients;
  readonly cookie: SessionCookie;
  readonly bodies: Bodies;
  readonly avatars: AvatarStore;
  readonly pictures: Pictures;
  readonly removals: AvatarRemovals;
  /** What an upload may take but for its body and for decoding. Default 4,500. */
  readonly pictureTimeoutMs?: number;
  /** Of PUBLIC_URL; undefined if that is not set. */
  readonly publicOrigin: string | undefined;
  readonly publicFolder: string;
  readonly log: Log;
}

/** One request on its way; `requestId` goes with it through both tiers and into every log line. */
export interface Exchange {
  readonly request: Request;
  readonly requestId: string;
  /** Its connection's. */
  readonly server: Pick<Server<undefined>, "timeout">;
  /** The path as the URL table has it, for logs. */
  readonly route: string;
  /** The `:name` parts of the route's path. */
  readonly params: Readonly<Record<string, string>>;
}

/** Answers an exchange; what it throws becomes a row of the error table. */
export type Handler = (exchange: Exchange) => Promise<Response>;
