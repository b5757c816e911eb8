import {
  type Context,
  createContextKey,
  isSpanContextValid,
  ROOT_CONTEXT,
  type SpanContext,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";

/** Which requests are traced. This is decided before anything of a trace is made. */
export interface Sampling {
  /** The share of the requests, from 0 to 1. */
  readonly ratio: number;
  /** Whether a trusted proxy decides for its requests, if it sends a `traceparent`. */
  readonly isParentBased: boolean;
}

/** An exporter by OTLP, and what is exported. */
export interface TracesOptions {
  /** Where spans are posted to. */
  readonly url: URL;
  readonly protocol: "http/protobuf" | "http/json";
  /** Of each of those requests. They may be secret. */
  readonly headers: Readonly<Record<string, string>>;
  readonly sampling: Sampling;
  /** The attributes of the process, such as `service.name`. */
  readonly resource: Readonly<Record<string, string>>;
  readonly version: string;
}

/** How a process makes spans. */
export interface Tracing {
  readonly tracer: Tracer;
  /** Undefined if an SDK was preloaded: then that SDK decides, for each span. */
  readonly sampling: Sampling | undefined;
  /** Export what is not exported yet: soon, even if more time is left. */
  close(leftMs: number): Promise<void>;
}

/**
 * The tracer of an SDK that was preloaded, undefined without one. Check this once, since spans that
 * are not exported cost time.
 */
export function findTracer(): Tracer | undefined {
  const tracer = trace.getTracer("portico");
  // Without an SDK, a span has no valid ids. A span that does not end is not exported.
  return isSpanContextValid(tracer.startSpan("probe").spanContext()) ? tracer : undefined;
}

const BEGINS = createContextKey("portico: a trace begins here");

/** The context of a span that begins a trace. Elsewhere, our SDK makes no span without a parent. */
export const BEGINNING = ROOT_CONTEXT.setValue(BEGINS, true);

/** Whether our SDK makes a span in this context. A child has the decision of its parent. */
export function isInTrace(context: Context): boolean {
  return isSampled(trace.getSpanContext(context)) || context.getValue(BEGINS) === true;
}

export function isSampled(span: SpanContext | undefined): boolean {
  return span !== undefined && (span.traceFlags & TraceFlags.SAMPLED) !== 0;
}
