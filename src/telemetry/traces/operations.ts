import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { isSampled, type Tracing } from "./tracing.ts";

// Spans of the operations of databases, by OpenTelemetry's semantic conventions for databases.

type DatabaseSystem = "mysql" | "redis" | "sqlite";

/** The traced calls that a batch serves, and how many keys it has. */
interface Batch {
  readonly contexts: readonly Context[];
  readonly size: number;
}

const BATCH = createContextKey("portico: the batch that is carried out");

/**
 * Makes a client span for each operation of a traced call, as a child of the active span. An
 * operation for a batch of calls has a span in each of those that are traced.
 * @param urls the addresses of the databases; of several hosts, the first is shown, but no Sentinel
 */
export function traceOperations(
  { tracer }: Tracing,
  urls: Readonly<Partial<Record<DatabaseSystem, string | undefined>>>,
) {
  const shared = {
    mysql: attributesOf("mysql", urls.mysql),
    redis: attributesOf("redis", urls.redis),
    sqlite: attributesOf("sqlite", undefined),
  };

  function observe(system: DatabaseSystem, operation: string) {
    const active = context.active();
    const batch = batchOf(active);
    if (!batch && !isSampled(trace.getSpanContext(active))) return undefined;
    const attributes: Attributes = {
      ...shared[system],
      "db.operation.name": operation,
      "db.query.summary": operation,
    };
    if (batch && batch.size > 1) attributes["db.operation.batch.size"] = batch.size;
    const options = { kind: SpanKind.CLIENT, attributes };
    const parents = batch ? batch.contexts : [active];
    const spans = parents.map((parent) => tracer.startSpan(operation, options, parent));
    return (error: unknown) => {
      for (const span of spans) end(span, error);
    };
  }

  return { observe, batches: BATCHES };
}

const BATCHES = {
  current(): Context | undefined {
    const active = context.active();
    return isSampled(trace.getSpanContext(active)) ? active : undefined;
  },
  run<T>(joined: readonly unknown[], carryOut: () => T): T {
    const contexts = joined.filter(isContext);
    if (contexts.length === 0) return carryOut();
    const batch: Batch = { contexts, size: joined.length };
    return context.with(ROOT_CONTEXT.setValue(BATCH, batch), carryOut);
  },
};

/** What `current()` returns. */
function isContext(value: unknown): value is Context {
  return value !== undefined;
}

function batchOf(active: Context): Batch | undefined {
  // Only `run()` sets it.
  return active.getValue(BATCH) as Batch | undefined;
}

function end(span: Span, error: unknown): void {
  if (error !== undefined) {
    span.setAttribute("error.type", errorType(error));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

/** The driver's code, such as ER_DUP_ENTRY or ECONNREFUSED, or the class of the error. */
function errorType(error: unknown): string {
  if (!(error instanceof Error)) return "_OTHER";
  const code: unknown = Reflect.get(error, "code");
  return typeof code === "string" ? code : error.name;
}

function attributesOf(system: DatabaseSystem, list: string | undefined): Attributes {
  const system_name = { "db.system.name": system };
  // `mysql://host:3306,host:3306/name` has no URL with one host.
  const url = list && URL.parse(list.replace(/,[^/]*/, ""));
  if (!url) return system_name;
  // The URL names the Sentinels, not the server.
  const isServer = !url.protocol.includes("sentinel");
  return {
    ...system_name,
    ...(isServer && serverOf(system, url)),
    ...(url.pathname.length > 1 && { "db.namespace": url.pathname.slice(1) }),
  };
}

function serverOf(system: DatabaseSystem, url: URL): Attributes {
  return {
    "server.address": url.hostname.replace(/^\[|\]$/g, ""),
    "server.port": Number(url.port || { mysql: 3306, redis: 6379, sqlite: 0 }[system]),
  };
}
