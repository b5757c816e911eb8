import { hostname } from "node:os";
import { context, propagation, SamplingDecision, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { ExportResultCode, W3CTraceContextPropagator } from "@opentelemetry/core";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  type Sampler,
  type SpanExporter,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { Log } from "../../rpc/log.ts";
import { isInTrace, type TracesOptions, type Tracing } from "./tracing.ts";

// OpenTelemetry's SDK with an exporter. Only `open.ts` imports this file, and only if traces are
// on: the packages take 50 ms and some megabytes to load.

/**
 * The limits of the last export. A tier that is late gets a second, and without a collector the
 * exporter would try for 10 s.
 */
const LONGEST_FLUSH_MS = 2_000;
const SHORTEST_FLUSH_MS = 500;
/** How often the log repeats that traces cannot be exported. */
const REMINDER_MS = 60_000;

/** Each trace was decided about before its first span. This drops spans outside of any trace. */
const SAMPLER: Sampler = {
  shouldSample: (parent) => ({
    decision: isInTrace(parent) ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD,
  }),
  toString: () => "portico",
};

/** Register the SDK for this process. */
export async function startSdk(options: TracesOptions, log: Log): Promise<Tracing> {
  const exporter = new LoggedExporter(await openExporter(options), options.url.host, log);
  const provider = new TracerProvider({
    sampler: SAMPLER,
    resource: defaultResource().merge(
      resourceFromAttributes({
        "service.instance.id": crypto.randomUUID(),
        "host.name": hostname(),
        "process.pid": process.pid,
        ...options.resource,
      }),
    ),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  return {
    tracer: provider.getTracer("portico", options.version),
    sampling: options.sampling,
    async close(leftMs) {
      const limitMs = Math.min(Math.max(leftMs, SHORTEST_FLUSH_MS), LONGEST_FLUSH_MS);
      const isFlushed = await Promise.race([
        provider.shutdown().then(() => true),
        Bun.sleep(limitMs).then(() => false),
      ]);
      if (!isFlushed) log.warn({ limitMs }, "the last traces were not exported in time");
    },
  };
}

/**
 * By itself, the exporter reads OTEL_EXPORTER_OTLP_TIMEOUT, OTEL_EXPORTER_OTLP_COMPRESSION and
 * OTEL_EXPORTER_OTLP_CERTIFICATE.
 */
async function openExporter({ protocol, url, headers }: TracesOptions): Promise<SpanExporter> {
  const { OTLPTraceExporter } =
    protocol === "http/json"
      ? await import("@opentelemetry/exporter-trace-otlp-http")
      : await import("@opentelemetry/exporter-trace-otlp-proto");
  return new OTLPTraceExporter({ url: url.href, headers: { ...headers } });
}

/** Logs that traces cannot be exported: once, then once a minute, and that they can again. */
class LoggedExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #host: string;
  readonly #log: Log;
  #lost = 0;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(exporter: SpanExporter, host: string, log: Log) {
    this.#exporter = exporter;
    this.#host = host;
    this.#log = log;
  }

  export(...[spans, done]: Parameters<SpanExporter["export"]>): void {
    this.#exporter.export(spans, ({ code, error }) => {
      if (code === ExportResultCode.SUCCESS) this.#succeeded();
      else this.#failed(spans.length, error);
      // The SDK has no more to do about a failure.
      done({ code: ExportResultCode.SUCCESS });
    });
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.();
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  #succeeded(): void {
    if (this.#lost === 0) return;
    this.#log.info({ lost: this.#lost }, `exporting traces to ${this.#host} again`);
    this.#lost = 0;
    this.#warnedAtMs = Number.NEGATIVE_INFINITY;
  }

  #failed(spans: number, error: Error | undefined): void {
    this.#lost += spans;
    const nowMs = performance.now();
    if (nowMs - this.#warnedAtMs < REMINDER_MS) return;
    this.#warnedAtMs = nowMs;
    const reason = error?.message || "no answer";
    this.#log.warn({ reason, lost: this.#lost }, `cannot export traces to ${this.#host}`);
  }
}
