import type { DeclaredErrorName } from "../../schema/errors.ts";
import { DomainError, RpcError } from "./error.ts";

/** A compiled check of a message (TypeBox's TypeCheck has this shape). */
export interface Validator<T> {
  Check(value: unknown): value is T;
  Errors(value: unknown): { First(): Mismatch | undefined };
  /** As JSON Schema, once it has gone through JSON. */
  Schema(): unknown;
}

/** One thing that is wrong with a message. */
export interface Mismatch {
  /** As in `/username`; "" for the message itself. */
  readonly path: string;
  readonly message: string;
  /** What is there, which may be a secret: never shown. */
  readonly value: unknown;
  /** Of what should be there. */
  readonly schema: { readonly type?: unknown; readonly description?: string };
}

/** One method as both sides know it; emitted by codegen from `schema/`. */
export interface Method<Request, Reply, Errors extends DeclaredErrorName = DeclaredErrorName> {
  /** `Service.method`, for logs and messages; the wire carries the number. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  readonly number: number;
  /** Digest of everything that both sides must agree on: number, name, messages, errors, … */
  readonly hash: string;
  /** Of the shapes it had before, newest first, whose callers this one still answers. */
  readonly olderHashes?: readonly string[];
  readonly idempotent: boolean;
  readonly errors: readonly Errors[];
  readonly request: Validator<Request>;
  readonly reply: Validator<Reply>;
}

export interface CallOptions {
  /** How long the caller waits, all retries included. Default 5,000. */
  readonly timeoutMs?: number;
  /** Travels to the server's log lines. */
  readonly requestId?: string;
  /** Aborted, it ends the call as `cancelled` on both sides. */
  readonly signal?: AbortSignal;
  /**
   * An object whose `signal` does the same, as a Request's, and costs more than a call to make. It
   * is only asked for where the call takes longer than most; until then nobody looks at it.
   */
  readonly signalOf?: { readonly signal: AbortSignal };
}

/** What the emitted clients call through: a Balancer, or a test's stand-in. */
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

/** What a handler knows of the call that it answers. */
export interface CallContext<Errors extends DeclaredErrorName = DeclaredErrorName> {
  readonly requestId: string;
  /** When the caller stops waiting, on the clock of `performance.now()`. */
  readonly deadline: number;
  /** Aborted once nobody waits any more: deadline, CANCEL, or the connection is lost. */
  readonly signal: AbortSignal;
  /** Whether that has come to pass; to ask for it costs nothing, as the signal does. */
  readonly isOver: boolean;
  /** How long the caller still waits; 0 where it does not. */
  remainingMs(): number;
  /** For `throw`: an error that the method declares. */
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
   * @throws {RpcError} at once: `invalid_argument` for a body that is not JSON, or not of the schema
   */
  invoke(body: string, context: CallContext): Promise<unknown>;
}

export type DispatchTable = readonly DispatchEntry[];

/** Join a method and its handler; the check between them is what makes the types true. */
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
 * The entries of a service whose functions are all there. Its type says so too, but only to tsc: a
 * server that was started without it would fail at the first call.
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

/** Whether `error` is one that `method` declares: then its code can be switched on to the last. */
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

/** The first thing that is wrong with `value`, without repeating it: it may be a secret. */
export function mismatch(validator: Validator<unknown>, value: unknown): string {
  const error = validator.Errors(value).First();
  return error ? `${error.path || "the body"}: ${ruleOf(error)}` : "it does not match its schema";
}

/** What must hold there, in the words of the schema where it has some. */
function ruleOf({ value, schema, message }: Mismatch): string {
  if (value === undefined) return "required";
  if (schema.type !== "string") return message;
  return typeof value === "string" ? (schema.description ?? message) : "must be a string";
}
