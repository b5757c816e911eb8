import {
  type Attributes,
  type Context,
  createTraceState,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import { SpanScope } from "./calls.ts";
import { BEGINNING, isSampled, type Sampling, type Tracing } from "./tracing.ts";

// Spans of HTTP requests, by OpenTelemetry's semantic conventions for HTTP.

/** A request that has arrived. */
interface Received {
  readonly request: Request;
  readonly requestId: string;
  readonly method: string;
  /** The pattern of the URL table. */
  readonly route: string;
  /** Whether TRUSTED_PROXIES is set. */
  readonly hasTrustedProxies: boolean;
  /** Whether the peer of the socket is in TRUSTED_PROXIES. Costs time. */
  readonly isFromTrustedProxy: boolean;
}

interface Answered {
  readonly status: number;
  /** What the handler has thrown. */
  readonly problem: unknown;
  readonly address: string;
}

/** W3C Trace Context. Versions after 00 may append fields; ff is none. */
const TRACEPARENT = /^(?!ff)([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-|$)/;
const LENGTH = 55;
/** The longest that is read. */
const MAX_LENGTH = 512;

/**
 * Begins a server span for each request that is sampled.
 *
 * A trusted proxy's trace is continued and, with a parent-based sampler, the proxy decides whether
 * it is sampled. Others could turn on the tracing of all their requests, or write into traces of
 * others. So their requests begin new traces, by our own decision, which have a link to theirs.
 */
export function traceRequests({ tracer, sampling }: Tracing) {
  function begin(received: Received): RequestSpan | undefined {
    const follows = sampling?.isParentBased === true && received.hasTrustedProxies;
    // Most requests end here. Reading a header costs more than all of this.
    if (sampling && !follows && !isDrawn(sampling)) return undefined;
    const remote = remoteOf(received.request);
    const parent = remote && received.isFromTrustedProxy ? remote : undefined;
    if (follows && !(parent ? isSampled(parent) : isDrawn(sampling))) return undefined;
    const links: Link[] = remote && !parent ? [{ context: remote }] : [];
    const isRouted = received.route.startsWith("/");
    const name = isRouted ? `${received.method} ${received.route}` : received.method;
    const options = { kind: SpanKind.SERVER, attributes: attributesOf(received), links };
    return new RequestSpan(tracer.startSpan(name, options, contextOf(received, parent, sampling)));
  }

  return { begin, idOf: (request: Request) => remoteOf(request)?.traceId };
}

/** The span of a request, from its arrival to its answer. */
class RequestSpan extends SpanScope {
  end({ status, problem, address }: Answered): void {
    const { span } = this;
    span.setAttributes({ "http.response.status_code": status, "client.address": address });
    if (status >= 500) {
      span.setAttribute("error.type", errorType(problem, status));
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  }
}

function isDrawn({ ratio }: Sampling): boolean {
  return Math.random() < ratio;
}

/** The span that the client's `traceparent` names. */
function remoteOf({ headers }: Request): SpanContext | undefined {
  const header = headers.get("traceparent");
  return header === null ? undefined : parseTraceparent(header);
}

function contextOf(
  { request }: Received,
  parent: SpanContext | undefined,
  sampling?: Sampling,
): Context {
  if (!parent) return BEGINNING;
  const state = request.headers.get("tracestate");
  return trace.setSpanContext(ROOT_CONTEXT, {
    ...parent,
    // With a sampler that ignores the parent, our own decision counts in our part of the trace.
    traceFlags: sampling ? TraceFlags.SAMPLED : parent.traceFlags,
    ...(state !== null && { traceState: createTraceState(state) }),
  });
}

function attributesOf({ request, requestId, method, route }: Received): Attributes {
  const url = URL.parse(request.url);
  return {
    "http.request.method": method,
    "url.scheme": url?.protocol.slice(0, -1) ?? "http",
    // Without the query, which may hold what should not be in traces.
    "url.path": url?.pathname ?? "/",
    ...(route.startsWith("/") && { "http.route": route }),
    ...(url && { "server.address": url.hostname.replace(/^\[|\]$/g, "") }),
    ...(url?.port && { "server.port": Number(url.port) }),
    "portico.request_id": requestId,
  };
}

/** The status of a call or the class of an error, since many failures answer 500. */
function errorType(problem: unknown, status: number): string {
  if (!(problem instanceof Error)) return `${status}`;
  const detail: unknown = Reflect.get(problem, "status") ?? Reflect.get(problem, "code");
  return typeof detail === "string" ? detail : problem.name;
}

/** Undefined if the header is not valid. */
export function parseTraceparent(header: string): SpanContext | undefined {
  if (header.length < LENGTH || header.length > MAX_LENGTH) return undefined;
  const [, version, traceId = "", spanId = "", flags = ""] = TRACEPARENT.exec(header) ?? [];
  if (version === "00" && header.length !== LENGTH) return undefined;
  const span = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
  return isSpanContextValid(span) ? span : undefined;
}
