// A collector that takes OTLP as JSON, for tests.

/** A span as it was exported. */
export interface ExportedSpan {
  readonly service: string;
  readonly name: string;
  readonly kind: "internal" | "server" | "client";
  readonly traceId: string;
  readonly spanId: string;
  readonly startedAtNs: number;
  /** "" for the root of a trace. */
  readonly parentSpanId: string;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly string[];
}

type Values = readonly {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}[];

interface Exported {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Values };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

interface Span {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly startTimeUnixNano: string;
  readonly parentSpanId?: string;
  readonly status: { readonly code?: number };
  readonly attributes: Values;
  readonly links?: readonly { readonly traceId: string }[];
}

const KINDS = { 1: "internal", 2: "server", 3: "client" } as const;
const ERROR = 2;

export class Collector implements Disposable {
  readonly spans: ExportedSpan[] = [];
  /** The headers of each export. */
  readonly headers: Headers[] = [];
  /** If set, it answers so late. */
  delayMs = 0;
  readonly #server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: (request) => this.#take(request),
  });

  /** What turns traces on in a tier. */
  get environment(): Record<string, string> {
    return {
      OTEL_EXPORTER_OTLP_ENDPOINT: this.#server.url.origin,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    };
  }

  async #take(request: Request): Promise<Response> {
    if (this.delayMs > 0) await Bun.sleep(this.delayMs);
    this.headers.push(request.headers);
    const exported: Exported = await request.json();
    for (const { resource, scopeSpans } of exported.resourceSpans) {
      const service = String(recordOf(resource.attributes)["service.name"]);
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        this.spans.push(spanOf(service, span));
      }
    }
    return Response.json({});
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }
}

function spanOf(service: string, span: Span): ExportedSpan {
  const { name, traceId, spanId, parentSpanId = "", links = [] } = span;
  return {
    service,
    name,
    kind: KINDS[span.kind as keyof typeof KINDS],
    traceId,
    spanId,
    startedAtNs: Number(span.startTimeUnixNano),
    parentSpanId,
    isError: span.status.code === ERROR,
    attributes: recordOf(span.attributes),
    links: links.map(({ traceId }) => traceId),
  };
}

function recordOf(values: Values): Record<string, unknown> {
  return Object.fromEntries(values.map(({ key, value }) => [key, Object.values(value)[0]]));
}

/** A trace as text: each span below its parent, in order of names. */
export function treeOf(spans: readonly ExportedSpan[], parent = "", indent = ""): string[] {
  return spans
    .filter(({ parentSpanId }) => parentSpanId === parent)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((span) => [
      `${indent}${span.service} ${span.kind} ${span.name}`,
      ...treeOf(spans, span.spanId, `${indent}  `),
    ]);
}
