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

/** A client's span for each call, below the one that its caller is in; undefined without an SDK. */
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

/** A server's span for each call, below the client's if that sent one; undefined without an SDK. */
export function traceIncoming(): Interceptor | undefined {
  const tracer = findTracer();
  if (!tracer) return undefined;
  return (call) => {
    const parent = propagation.extract(ROOT_CONTEXT, call, METADATA);
    return endOf(call, tracer.startSpan(call.method.name, SERVER, parent));
  };
}

/** What the process has registered, which is asked once: spans that lead nowhere cost time, too. */
function findTracer(): Tracer | undefined {
  const tracer = trace.getTracer("portico");
  // A span that never ends is never exported; without an SDK it has no identity either.
  return isSpanContextValid(tracer.startSpan("probe").spanContext()) ? tracer : undefined;
}

/** Of what a peer has sent, only texts can be a trace's context. */
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
  // By OpenTelemetry's semantic conventions for RPC.
  span.setAttributes({
    "rpc.system": "portico",
    "rpc.service": service,
    "rpc.method": method,
    "portico.request_id": call.requestId,
  });
  return (outcome) => {
    span.setAttribute("portico.outcome", outcome);
    // A domain error is an answer of the method, not a fault.
    if (outcome !== "done" && !isDomainErrorName(outcome)) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: outcome });
    }
    span.end();
  };
}
