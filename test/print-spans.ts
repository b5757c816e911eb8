// Preloaded into a tier, as an operator would preload an SDK: prints each span as a line of JSON.

import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { type ReadableSpan, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";

function print(span: ReadableSpan): void {
  const { name, kind, attributes, status, parentSpanContext } = span;
  const { traceId, spanId } = span.spanContext();
  const parentSpanId = parentSpanContext?.spanId;
  const shown = { name, kind, attributes, status, traceId, spanId, parentSpanId };
  // Not console.log(): a tier sends that to its log.
  process.stdout.write(`${JSON.stringify({ span: shown })}\n`);
}

const provider = new TracerProvider({
  spanProcessors: [
    new SimpleSpanProcessor({
      exporter: {
        export(spans, done) {
          spans.forEach(print);
          done({ code: 0 });
        },
        shutdown: async () => undefined,
      },
    }),
  ],
});
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
trace.setGlobalTracerProvider(provider);
