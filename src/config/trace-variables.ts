import type { Variable } from "./variable.ts";

// OpenTelemetry's own variables, with its names and meanings. An endpoint may have a key in it.

const READ_BY = { readBy: ["http", "tcp"] } as const;

export const TRACES = {
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    default: "none",
    meaning:
      "URL of a collector that takes OTLP over HTTP, as `http://collector:4318`; turns traces on " +
      "([more](operations.md#traces))",
    isSecret: true,
    ...READ_BY,
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: {
    default: "`OTEL_EXPORTER_OTLP_ENDPOINT` and `/v1/traces`",
    meaning: "the whole URL for traces, if it is another; turns traces on",
    isSecret: true,
    ...READ_BY,
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    default: "none",
    meaning: "headers of each export, such as the key of a provider: `name=value,name=value`",
    kind: "list",
    isSecret: true,
    ...READ_BY,
  },
  OTEL_EXPORTER_OTLP_PROTOCOL: {
    default: "http/protobuf",
    meaning: "`http/protobuf` or `http/json`",
    ...READ_BY,
  },
  OTEL_TRACES_SAMPLER: {
    default: "parentbased_always_on",
    meaning:
      "which requests are traced: `always_on`, `always_off`, `traceidratio`; with the prefix " +
      "`parentbased_`, a trusted proxy decides for requests with a `traceparent`",
    ...READ_BY,
  },
  OTEL_TRACES_SAMPLER_ARG: {
    default: "1",
    meaning: "share of the requests that `traceidratio` traces, from 0 to 1",
    ...READ_BY,
  },
  OTEL_SERVICE_NAME: {
    default: "`portico-http`, `portico-tcp`",
    meaning: "name of the service; if it is set, both tiers have it",
    ...READ_BY,
  },
  OTEL_RESOURCE_ATTRIBUTES: {
    default: "none",
    meaning: "attributes of the process: `deployment.environment.name=test,name=value`",
    ...READ_BY,
  },
  OTEL_TRACES_EXPORTER: {
    default: "`otlp` if an endpoint is set",
    meaning: "`otlp`; `none` turns traces off",
    ...READ_BY,
  },
  OTEL_SDK_DISABLED: {
    default: "none",
    meaning: "`true` turns traces off",
    ...READ_BY,
  },
} as const satisfies Record<string, Variable>;
