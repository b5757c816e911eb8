import {
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  trace,
} from "@opentelemetry/api";
import { isDomainErrorName } from "../../schema/errors.ts";
import type { InterceptedCall, Interceptor, OnEnd } from "./interceptor.ts";

/** Does nothing unless the process has registered a tracing SDK. */
const tracer = trace.getTracer("portico");

const CLIENT = { kind: SpanKind.CLIENT };
const SERVER = { kind: SpanKind.SERVER };

/** A client's span for each call, below the one that its caller is in. */
export const traceOutgoing: Interceptor = (call) => {
  const parent = context.active();
  const span = tracer.startSpan(call.method.name, CLIENT, parent);
  if (isSpanContextValid(span.spanContext())) {
    propagation.inject(trace.setSpan(parent, span), call.metadata);
  }
  return endOf(call, span);
};

/** A server's span for each call, below the client's where that sent one. */
export const traceIncoming: Interceptor = (call) => {
  const parent = propagation.extract(ROOT_CONTEXT, call, METADATA);
  return endOf(call, tracer.startSpan(call.method.name, SERVER, parent));
};

/** Read from the call and not from its metadata: without an SDK they need not be parsed. */
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
