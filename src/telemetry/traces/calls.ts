import {
  type Attributes,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  trace,
} from "@opentelemetry/api";
import { isDomainErrorName } from "../../../schema/errors.ts";
import type { InterceptedCall, Interceptor, OnEnd, Outcome } from "../../rpc/interceptor.ts";
import type { Scope } from "../../rpc/scope.ts";
import { isSampled, type Tracing } from "./tracing.ts";

// Spans of RPC calls, by OpenTelemetry's semantic conventions for RPC.

/** What a server's span shows as an error: the fault is not the client's. */
const SERVER_FAULTS: ReadonlySet<Outcome> = new Set<Outcome>([
  ...(["deadline_exceeded", "unimplemented", "unavailable", "internal"] as const),
  "DataBaseError",
]);

/** Makes a client span for each call within a traced request. */
export function traceOutgoing({ tracer, sampling }: Tracing): Interceptor {
  return (call) => {
    const parent = context.active();
    if (sampling && !isSampled(trace.getSpanContext(parent))) return undefined;
    const options = { kind: SpanKind.CLIENT, attributes: attributesOf(call) };
    const span = tracer.startSpan(call.method.name, options, parent);
    propagation.inject(trace.setSpan(parent, span), call.metadata);
    if (!span.isRecording()) return undefined;
    return endOf(span, isClientFault, ({ server }) =>
      server ? { "server.address": server.name ?? server.host, "server.port": server.port } : {},
    );
  };
}

/**
 * Makes a server span for each call that its client has sampled, and runs the handler inside it.
 * The TCP tier begins no trace by itself: a call without a `traceparent` is one of a request that
 * the HTTP tier has not sampled.
 * @param server the address that this server listens on
 */
export function traceIncoming(
  { tracer, sampling }: Tracing,
  server: () => Attributes,
): Interceptor {
  return (call) => {
    if (sampling && call.mayCarry?.("traceparent") === false) return undefined;
    const parent = propagation.extract(ROOT_CONTEXT, call, METADATA);
    if (sampling && !isSampled(trace.getSpanContext(parent))) return undefined;
    const attributes = { ...attributesOf(call), ...server() };
    if (call.peer) attributes["client.address"] = call.peer;
    const span = tracer.startSpan(call.method.name, { kind: SpanKind.SERVER, attributes }, parent);
    call.scope = new SpanScope(span);
    return span.isRecording() ? endOf(span, (outcome) => SERVER_FAULTS.has(outcome)) : undefined;
  };
}

/** Runs what is begun inside of a span. */
export class SpanScope implements Scope {
  readonly traceId: string;
  protected readonly span: Span;

  constructor(span: Span) {
    this.span = span;
    this.traceId = span.spanContext().traceId;
  }

  run<T>(work: () => T): T {
    return context.with(trace.setSpan(ROOT_CONTEXT, this.span), work);
  }
}

/** Reads a trace's context from metadata. A peer may send any JSON; only strings count. */
const METADATA: TextMapGetter<InterceptedCall> = {
  keys: ({ metadata }) => Object.keys(metadata),
  get({ metadata }, key) {
    const value = metadata[key];
    return typeof value === "string" ? value : undefined;
  },
};

function attributesOf({ method, requestId }: InterceptedCall): Attributes {
  return {
    "rpc.system.name": "portico",
    "rpc.method": method.name,
    "portico.request_id": requestId,
  };
}

/** A domain error is an answer, not a fault. */
function isClientFault(outcome: Outcome): boolean {
  return outcome !== "done" && (!isDomainErrorName(outcome) || outcome === "DataBaseError");
}

function endOf(
  span: Span,
  isFault: (outcome: Outcome) => boolean,
  more?: (call: InterceptedCall) => Attributes,
): OnEnd {
  return (outcome, call) => {
    span.setAttribute("rpc.response.status_code", outcome === "done" ? "ok" : outcome);
    if (more) span.setAttributes(more(call));
    if (isFault(outcome)) {
      span.setAttribute("error.type", outcome);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  };
}
