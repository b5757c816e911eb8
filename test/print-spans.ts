// Preloaded into a tier, as an operator would preload an SDK: prints each span as a line of JSON.
import {
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";

function print(span: ReadableSpan): void {
  const { name, kind, attributes, status, parentSpanContext } = span;
  const { traceId, spanId } = span.spanContext();
  const parentSpanId = parentSpanContext?.spanId;
  const shown = { name, kind, attributes, status, traceId, spanId, parentSpanId };
  // Not console.log(): a tier sends that to its log.
  process.stdout.write(`${JSON.stringify({ span: shown })}\n`);
}

new NodeTracerProvider({
  spanProcessors: [
    new SimpleSpanProcessor({
      export(spans, done) {
        spans.forEach(print);
        done({ code: 0 });
      },
      shutdown: async () => undefined,
    }),
  ],
}).register();
