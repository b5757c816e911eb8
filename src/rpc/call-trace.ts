import {
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  type TextMapGetter,
  trace,
} from "@opentelemetry/api";
import { isDomainErrorName } from "../../schema/errors.ts";
import type { InterceptedCall, Interceptor, OnEnd } from "./interceptor.ts";

/** Does nothing unless the process has registered a tracing SDK. */
const tracer = trace.getTracer("portico");

/** A client's span for each call, below the one that its caller is in. */
export const traceOutgoing: Interceptor = (call) => {
  const parent = context.active();
  const span = tracer.startSpan(call.method.name, optionsOf(call, SpanKind.CLIENT), parent);
  propagation.inject(trace.setSpan(parent, span), call.metadata);
  return endOf(call, span);
};

/** A server's span for each call, below the client's where that sent one. */
export const traceIncoming: Interceptor = (call) => {
  const parent = propagation.extract(ROOT_CONTEXT, call, METADATA);
  const span = tracer.startSpan(call.method.name, optionsOf(call, SpanKind.SERVER), parent);
  return endOf(call, span);
};

/** Read from the call and not from its metadata: without an SDK they need not be parsed. */
const METADATA: TextMapGetter<InterceptedCall> = {
  keys: ({ metadata }) => Object.keys(metadata),
  get({ metadata }, key) {
    const value = metadata[key];
    return typeof value === "string" ? value : undefined;
  },
};

/** Attributes by OpenTelemetry's semantic conventions for RPC. */
function optionsOf({ method }: InterceptedCall, kind: SpanKind): SpanOptions {
  const [service = "", name = ""] = method.name.split(".");
  const attributes = { "rpc.system": "portico", "rpc.service": service, "rpc.method": name };
  return { kind, attributes };
}

function endOf(call: InterceptedCall, span: Span): OnEnd | undefined {
  if (!span.isRecording()) return undefined;
  span.setAttribute("portico.request_id", call.requestId);
  return (outcome) => {
    span.setAttribute("portico.outcome", outcome);
    // A domain error is an answer of the method, not a fault.
    if (outcome !== "done" && !isDomainErrorName(outcome)) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: outcome });
    }
    span.end();
  };
}
