import type { TObject, TSchema } from "@sinclair/typebox";
import type { DeclaredErrorName } from "./errors.ts";

/** The browser client sends the first method of an endpoint. A GET answers HEAD, too. */
export type HttpMethod = "GET" | "POST";

/**
 * An endpoint that a method of a contract answers. The request is the fields of the body and, if it
 * has a `sessionId`, the one of the cookie. A `sessionId` of the reply becomes the cookie. The rest
 * of the reply is the answer's `data`, or "" if nothing remains.
 */
export interface CallEndpoint {
  readonly path: string;
  readonly methods: readonly HttpMethod[];
  /** `Service.method` */
  readonly calls: string;
  /**
   * Whether a request can change anything. If so, requests of other sites, prefetches of browsers
   * and HEAD are refused. It does not follow from `idempotent`: a write that is safe to send twice
   * is still a write.
   */
  readonly changesState: boolean;
  /** The answer removes the cookie: the session has ended. */
  readonly endsSession?: true;
  /** The field of the reply that is the answer's `data`, in place of the whole reply. */
  readonly returns?: string;
}

/** An endpoint with a handler of its own in `src/http`. */
export interface OwnEndpoint {
  readonly path: string;
  readonly methods: readonly HttpMethod[];
  readonly summary: string;
  /** The group that the documentation lists it in. */
  readonly tag: string;
  /** As in CallEndpoint. */
  readonly changesState: boolean;
  /** It needs a session's cookie. */
  readonly session?: true;
  /** The parts of a multipart form. A part with a `contentMediaType` is a file. */
  readonly form?: TObject;
  /** The answer's `data`. */
  readonly data?: TSchema;
  /** The media type of the file that it answers instead of JSON; "6" with 404 if there is none. */
  readonly file?: string;
  readonly errors: readonly DeclaredErrorName[];
}

export type EndpointSpec = CallEndpoint | OwnEndpoint;

/** Endpoints by their names. The name is the function of the browser client. */
export type HttpApi = Readonly<Record<string, EndpointSpec>>;
