import type { TObject, TSchema } from "@sinclair/typebox";
import type { DeclaredErrorName } from "./errors.ts";

/** The browser client sends the first method of an endpoint. A GET answers HEAD, too. */
export type HttpMethod = "GET" | "POST";

/**
 * An endpoint that a method of a contract answers. The request consists of the fields of the body.
 * If the request has a `sessionId`, that comes from the cookie. If it has a `client`, the HTTP tier
 * says there what it knows of the browser. A `sessionId` of the reply becomes the cookie, and a
 * `deviceId` the cookie of the device. The rest of the reply is the answer's `data`, or "" if
 * nothing remains.
 */
export interface CallEndpoint {
  readonly path: string;
  readonly methods: readonly HttpMethod[];
  /** `Service.method` */
  readonly calls: string;
  /**
   * Whether a request can change anything. If so, requests of other sites, prefetches of browsers
   * and HEAD are refused. This does not follow from `idempotent`: a write that is safe to send
   * twice is still a write.
   */
  readonly changesState: boolean;
  /**
   * The answer removes the cookie: the session has ended. If it is the name of a field, that field
   * of the reply says whether; it is not in `data`.
   */
  readonly endsSession?: true | string;
  /**
   * The field of the reply that names a picture that no profile shows any more. The HTTP tier
   * removes the picture. The field is not in `data`.
   */
  readonly unusedPicture?: string;
  /** The field of the reply that is the answer's `data`, in place of the whole reply. */
  readonly returns?: string;
}

/** An endpoint with its own handler in `src/http`. */
export interface OwnEndpoint {
  readonly path: string;
  readonly methods: readonly HttpMethod[];
  readonly summary: string;
  /** The group of the endpoint in the documentation. */
  readonly tag: string;
  /** The same as in CallEndpoint. */
  readonly changesState: boolean;
  /** The endpoint needs a session's cookie. */
  readonly session?: true;
  /** The parts of a multipart form. A part with a `contentMediaType` is a file. */
  readonly form?: TObject;
  /** The answer's `data`. */
  readonly data?: TSchema;
  /**
   * The media type, if the answer is a file instead of JSON. Without the file, the answer is "6"
   * with 404.
   */
  readonly file?: string;
  readonly errors: readonly DeclaredErrorName[];
}

export type EndpointSpec = CallEndpoint | OwnEndpoint;

/** Endpoints by their names. The name is the function of the browser client. */
export type HttpApi = Readonly<Record<string, EndpointSpec>>;
