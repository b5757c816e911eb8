import type { TObject, TSchema } from "@sinclair/typebox";
import type { DeclaredErrorName } from "./errors.ts";

/** The first one of an endpoint is what the browser client sends. A GET answers HEAD too. */
export type HttpMethod = "GET" | "POST";

/**
 * An endpoint that a method of a contract answers. Its request is made of the fields of the body
 * and, where it has one, the `sessionId` of the cookie; a `sessionId` of the reply becomes the
 * cookie, and what remains of the reply is the answer's `data`, "" where nothing does.
 */
export interface CallEndpoint {
  readonly path: string;
  readonly methods: readonly HttpMethod[];
  /** `Service.method` */
  readonly calls: string;
  /**
   * Whether a request can change anything. Then other sites may not ask for it, browsers may not
   * ask for it ahead of time, and HEAD is refused. Never taken from `idempotent`: a write that is
   * safe to send twice is a write.
   */
  readonly changesState: boolean;
  /** The cookie is taken away: the session has ended. */
  readonly endsSession?: true;
  /** The field of the reply that is the answer's `data`, in place of the whole reply. */
  readonly returns?: string;
}

/** An endpoint with a handler of its own in `src/http`; what it takes and answers is said here. */
export interface OwnEndpoint {
  readonly path: string;
  readonly methods: readonly HttpMethod[];
  readonly summary: string;
  /** What it is listed under in the documentation. */
  readonly tag: string;
  /** As above. */
  readonly changesState: boolean;
  /** It needs a session's cookie. */
  readonly session?: true;
  /** The parts of a multipart form; a part of type FILE is a file. */
  readonly form?: TObject;
  /** The answer's `data`. */
  readonly data?: TSchema;
  /** In place of JSON it answers a file of this media type; where there is none, "6" with 404. */
  readonly file?: string;
  readonly errors: readonly DeclaredErrorName[];
}

export type EndpointSpec = CallEndpoint | OwnEndpoint;

/** Endpoint name → what is at its URL. The name is the browser client's method. */
export type HttpApi = Readonly<Record<string, EndpointSpec>>;
