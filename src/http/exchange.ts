import type { Server } from "bun";
import type { Clients } from "../gen/http-endpoints.ts";
import { RpcError } from "../rpc/error.ts";
import type { Log } from "../rpc/log.ts";
import type { CallObserver } from "../rpc/method.ts";
import type { DecoderPool } from "./avatar/decoder-pool.ts";
import type { AvatarRemovals } from "./avatar/removals.ts";
import type { AvatarStore } from "./avatar/store.ts";
import type { Bodies } from "./body.ts";
import type { ClientAddress } from "./client-address.ts";
import type { DeviceCookie } from "./device-cookie.ts";
import type { SessionCookie } from "./session-cookie.ts";

/** The parts that the handlers use. */
export interface HttpParts {
  /** The services of the TCP tier. */
  readonly clients: Clients;
  readonly cookie: SessionCookie;
  readonly device: DeviceCookie;
  readonly bodies: Bodies;
  readonly clientAddress: ClientAddress;
  readonly avatars: AvatarStore;
  readonly decoders: DecoderPool;
  readonly removals: AvatarRemovals;
  /** The time for an upload, except for its body and the decoding. Default 4,500. */
  readonly pictureTimeoutMs?: number;
  /** The origin of PUBLIC_URL; undefined if that is not set. */
  readonly publicOrigin: string | undefined;
  readonly publicFolder: string;
  /** Where the files of swagger-ui-dist are. */
  readonly viewerFolder: string;
  /** Whether to serve the description of the API and its viewer. */
  readonly hasDocs: boolean;
  /**
   * Why this tier is not ready; empty if it is. Called by anyone, as often as they like: it must
   * cost next to nothing.
   */
  readonly readiness: () => Promise<readonly string[]>;
  readonly log: Log;
}

/** A request and its context. Both tiers log its `requestId`. */
export interface Exchange {
  readonly request: Request;
  readonly requestId: string;
  /** The server, to change the idle timeout of the connection, and to ask for its peer. */
  readonly server: Pick<Server<undefined>, "timeout" | "requestIP">;
  /** The path in the URL table, for logs. */
  readonly route: string;
  /** The `:name` parts of the path. */
  readonly params: Readonly<Record<string, string>>;
  /** Counts the time of each call for the request. */
  readonly observer: CallObserver;
  /** Account for the time from now on: a step of a few words, or undefined for none. */
  step(name: string | undefined): void;
}

/** Answers an exchange. `failure()` turns what it throws into an answer of the error table. */
export type Handler = (exchange: Exchange) => Promise<Response>;

/**
 * Stop before a step if the browser has closed its connection.
 * @throws {RpcError} cancelled
 */
export function throwIfCancelled({ signal }: Request, step: string): void {
  if (!signal.aborted) return;
  throw new RpcError("cancelled", `Cannot begin ${step}: the browser closed the connection`, {
    processed: false,
  });
}
