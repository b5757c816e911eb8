import type { DeclaredErrorName } from "../../schema/errors.ts";
import { DomainError, RpcError } from "./error.ts";
import type { Phases } from "./phases.ts";

/** A compiled check of a message (TypeBox's TypeCheck has this shape). */
export interface Validator<T> {
  Check(value: unknown): value is T;
  Errors(value: unknown): { First(): Mismatch | undefined };
  /** As JSON Schema, once it has gone through JSON. */
  Schema(): unknown;
}

/** The first violation of a schema. */
interface Mismatch {
  /** A JSON pointer such as `/username`; "" for the message itself. */
  readonly path: string;
  readonly message: string;
  /** The wrong value. It may be a secret: never show it. */
  readonly value: unknown;
  /** The schema of that path. */
  readonly schema: { readonly type?: unknown; readonly description?: string };
}

/** One method as both sides know it; emitted by codegen from `schema/`. */
export interface Method<Request, Reply, Errors extends DeclaredErrorName = DeclaredErrorName> {
  /** `Service.method`, for logs and messages. The wire carries the number. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  readonly number: number;
  /** Digest of everything that both sides must agree on: number, name, messages, errors, … */
  readonly hash: string;
  /** Hashes of older shapes whose callers are still answered, newest first. */
  readonly olderHashes?: readonly string[];
  readonly idempotent: boolean;
  readonly errors: readonly Errors[];
  /** The names of the callers that may call it. If undefined, every caller may. */
  readonly callers?: readonly string[];
  readonly request: Validator<Request>;
  readonly reply: Validator<Reply>;
}

export interface CallOptions {
  /** How long the caller waits, all retries included. Default: 5,000. */
  readonly timeoutMs?: number;
  /** Appears in the server's log lines. */
  readonly requestId?: string;
  /** If aborted, it ends the call as `cancelled` on both sides. */
  readonly signal?: AbortSignal;
  /**
   * An object whose `signal` does the same. The signal of a Request costs more to make than a whole
   * call, so it is read only once a call takes longer than most.
   */
  readonly signalOf?: { readonly signal: AbortSignal };
  /** Told at the end of the call, for instance to account for its time. */
  readonly observer?: CallObserver;
}

/** What a client tells about a call that has ended. */
export interface CallObserver {
  /** @param endedAt on the clock of `performance.now()` */
  onCallEnd(phases: Phases, endedAt: number): void;
}

/** What the emitted clients call through. */
export interface Caller {
  /**
   * Call a method and check its reply.
   * @throws {DomainError} what the method declares, or DataBaseError
   * @throws {RpcError} the call got no answer of its method
   */
  call<Request, Reply>(
    method: Method<Request, Reply>,
    request: Request,
    options?: CallOptions,
  ): Promise<Reply>;
}

/** The metadata of a REQUEST: `requestId`, and the fields that tracing adds. */
export type Metadata = Record<string, unknown>;

/** The call that a handler answers. */
export interface CallContext<Errors extends DeclaredErrorName = DeclaredErrorName> {
  readonly requestId: string;
  /** Sent with the request. The client can put anything there: check what you use. */
  readonly metadata: Readonly<Metadata>;
  /** The name that the client has proved by a token; "http" if it has proved none. */
  readonly caller: string;
  /** The IP address of the client: for calls of the HTTP tier, the address of that tier. */
  readonly peer: string;
  /** When the caller gives up, on the clock of `performance.now()`. */
  readonly deadline: number;
  /** Aborted once the caller has given up: deadline, CANCEL, or the connection is lost. */
  readonly signal: AbortSignal;
  /** Whether the caller has given up. Cheap to read; the signal is not. */
  readonly isOver: boolean;
  /** How long the caller still waits; 0 if it has given up. */
  remainingMs(): number;
  /** Account for the time from now on: a step of a few words, or undefined for none. */
  step?(name: string | undefined): void;
  /** An error that the method declares, to be thrown. */
  readonly error: (code: Errors) => DomainError;
}

export type Handler<Request, Reply, Errors extends DeclaredErrorName = DeclaredErrorName> = (
  request: Request,
  context: CallContext<Errors>,
) => Promise<Reply>;

/** One method with the function that answers it. */
export interface DispatchEntry {
  readonly method: Method<unknown, unknown>;
  /**
   * Decode and check the body of a REQUEST, then run the handler.
   * @throws {RpcError} at once, `invalid_argument`: the body is not JSON, or not of the schema
   */
  invoke(body: string, context: CallContext): Promise<unknown>;
}

export type DispatchTable = readonly DispatchEntry[];

/** Join a method and its handler. The check between them makes the types true. */
export function entry<Request, Reply, Errors extends DeclaredErrorName>(
  method: Method<Request, Reply, Errors>,
  handler: Handler<Request, Reply, Errors>,
): DispatchEntry {
  return {
    method,
    invoke(body, context) {
      const request = parseRequest(method, body);
      if (method.request.Check(request)) return handler(request, context);
      throw refusal(method, mismatch(method.request, request));
    },
  };
}

function parseRequest(method: Method<unknown, unknown>, body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw refusal(method, "not JSON", cause);
  }
}

function refusal({ name }: Method<unknown, unknown>, why: string, cause?: unknown): RpcError {
  const message = `Cannot accept the request of ${name}: ${why}`;
  return new RpcError("invalid_argument", message, { cause, processed: false });
}

/**
 * The entries of a service that has all its functions. tsc checks this too, but a server can be
 * started without tsc, and would then fail at the first call.
 * @throws {TypeError} there is no service, or it lacks the function of a method
 */
export function dispatchTable(service: unknown, entries: readonly DispatchEntry[]): DispatchTable {
  const names = entries.map(({ method }) => method.name.split("."));
  const serviceName = names[0]?.[0] ?? "a service";
  if (typeof service !== "object" || service === null) {
    throw new TypeError(`Cannot serve ${serviceName}: there is none`);
  }
  const lacking = names
    .map(([, name = ""]) => name)
    .filter((name) => typeof Reflect.get(service, name) !== "function");
  if (lacking.length === 0) return entries;
  throw new TypeError(`Cannot serve ${serviceName}: it has no function ${lacking.join(", ")}`);
}

/** Whether `error` is an error that `method` declares. A switch over its code can be exhaustive. */
export function isErrorOf<Errors extends DeclaredErrorName>(
  { errors }: Pick<Method<unknown, unknown, Errors>, "errors">,
  error: unknown,
): error is DomainError & { readonly code: Errors } {
  return error instanceof DomainError && errors.some((declared) => declared === error.code);
}

/** Whether callers of a method expect this error: it is declared, or DataBaseError. */
export function declares({ errors }: Method<unknown, unknown>, code: DomainError["code"]): boolean {
  return code === "DataBaseError" || errors.includes(code);
}

/** The first thing that is wrong with `value`. Does not quote the value: it may be a secret. */
export function mismatch(validator: Validator<unknown>, value: unknown): string {
  const error = validator.Errors(value).First();
  return error ? `${error.path || "the body"}: ${ruleOf(error)}` : "it does not match its schema";
}

/** The rule that the value breaks, in the words of the schema if it has a description. */
function ruleOf({ value, schema, message }: Mismatch): string {
  if (value === undefined) return "required";
  if (schema.type !== "string") return message;
  return typeof value === "string" ? (schema.description ?? message) : "must be a string";
}
