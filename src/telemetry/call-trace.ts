import {
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { isDomainErrorName } from "../../schema/errors.ts";
import type { InterceptedCall, Interceptor, OnEnd } from "../rpc/interceptor.ts";

const CLIENT = { kind: SpanKind.CLIENT };
const SERVER = { kind: SpanKind.SERVER };

/** Makes a client span for each call, as a child of the active span; undefined without an SDK. */
export function traceOutgoing(): Interceptor | undefined {
  const tracer = findTracer();
  if (!tracer) return undefined;
  return (call) => {
    const parent = context.active();
    const span = tracer.startSpan(call.method.name, CLIENT, parent);
    propagation.inject(trace.setSpan(parent, span), call.metadata);
    return endOf(call, span);
  };
}

/** Makes a server span for each call, as a child of the client's span; undefined without an SDK. */
export function traceIncoming(): Interceptor | undefined {
  const tracer = findTracer();
  if (!tracer) return undefined;
  return (call) => {
    const parent = propagation.extract(ROOT_CONTEXT, call, METADATA);
    return endOf(call, tracer.startSpan(call.method.name, SERVER, parent));
  };
}

/**
 * Undefined if no SDK is registered. Check this once, since spans that are not exported cost time.
 */
function findTracer(): Tracer | undefined {
  const tracer = trace.getTracer("portico");
  // Without an SDK, a span has no valid ids. A span that does not end is not exported.
  return isSpanContextValid(tracer.startSpan("probe").spanContext()) ? tracer : undefined;
}

/** Reads a trace's context from metadata. A peer may send any JSON; only strings count. */
const METADATA: TextMapGetter<InterceptedCall> = {
  keys: ({ metadata }) => Object.keys(metadata),
  get({ metadata }, key) {
    const value = metadata[key];
    return typeof value === "string" ? value : undefined;
  },
};

function endOf(call: InterceptedCall, span: Span): OnEnd | undefined {
  if (!span.isRecording()) return undefined;
  const [service = "", method = ""] = call.method.name.split(".");
  // OpenTelemetry's semantic conventions for RPC.
  span.setAttributes({
    "rpc.system": "portico",
    "rpc.service": service,
    "rpc.method": method,
    "portico.request_id": call.requestId,
  });
  return (outcome) => {
    span.setAttribute("portico.outcome", outcome);
    // A domain error is an answer, not a fault.
    if (outcome !== "done" && !isDomainErrorName(outcome)) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: outcome });
    }
    span.end();
  };
}
