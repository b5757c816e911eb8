import type { EnvironmentReader } from "./load.ts";
import { shown } from "./values.ts";
import type { VariableName } from "./variables.ts";

/** How traces are exported, by OpenTelemetry's variables. */
export interface TracesConfig {
  readonly url: URL;
  readonly protocol: "http/protobuf" | "http/json";
  readonly headers: Readonly<Record<string, string>>;
  readonly sampling: { readonly ratio: number; readonly isParentBased: boolean };
  /** The attributes of the process. */
  readonly resource: Readonly<Record<string, string>>;
}

const DEFAULT_ENDPOINT = "http://localhost:4318";
const PATH = "v1/traces";

const PROTOCOLS = ["http/protobuf", "http/json"] as const;
const EXPORTERS = ["otlp", "none"] as const;
const SAMPLERS = [
  ...(["always_on", "always_off", "traceidratio"] as const),
  ...(["parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"] as const),
] as const;

/** Where the API of OpenTelemetry registers an SDK. */
const REGISTERED = Symbol.for("opentelemetry.js.api.1");

/**
 * If an app has preloaded its own SDK, the variables are for that SDK, with values that only it may
 * know.
 * @returns undefined if traces are off; wrong values are reported even then
 */
export function readTraces(
  reader: EnvironmentReader,
  serviceName: string,
): TracesConfig | undefined {
  if (Reflect.has(globalThis, REGISTERED)) return undefined;
  const exporter = reader.readGiven("OTEL_TRACES_EXPORTER", (value) => oneOf(EXPORTERS, value));
  const isDisabled = reader.readGiven("OTEL_SDK_DISABLED", parseBoolean) ?? false;
  const url = readUrl(reader);
  const sampler = reader.read("OTEL_TRACES_SAMPLER", "always_off" as const, (value) =>
    oneOf(SAMPLERS, value),
  );
  const ratio = reader.read("OTEL_TRACES_SAMPLER_ARG", 0, parseRatio);
  const protocol = reader.read("OTEL_EXPORTER_OTLP_PROTOCOL", PROTOCOLS[0], (value) =>
    oneOf(PROTOCOLS, value),
  );
  const headers = readPairs(reader, "OTEL_EXPORTER_OTLP_HEADERS");
  const name = reader.given("OTEL_SERVICE_NAME");
  const resource = {
    "service.name": serviceName,
    ...readPairs(reader, "OTEL_RESOURCE_ATTRIBUTES"),
    ...(name !== undefined && { "service.name": name }),
  };
  const isOn = exporter === undefined ? url !== undefined : exporter === "otlp";
  if (!isOn || isDisabled || sampler === "always_off") return undefined;
  return {
    url: url ?? new URL(PATH, DEFAULT_ENDPOINT),
    protocol,
    headers,
    sampling: {
      ratio: sampler.endsWith("always_on") ? 1 : sampler.endsWith("always_off") ? 0 : ratio,
      isParentBased: sampler.startsWith("parentbased_"),
    },
    resource,
  };
}

function readUrl(reader: EnvironmentReader): URL | undefined {
  const endpoint = reader.readGiven("OTEL_EXPORTER_OTLP_ENDPOINT", (value) => {
    const url = parseUrl(value);
    if (!url.pathname.endsWith("/")) url.pathname += "/";
    url.pathname += PATH;
    return url;
  });
  return reader.readGiven("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", parseUrl) ?? endpoint;
}

function parseUrl(value: string): URL {
  const url = URL.parse(value);
  if (url && /^https?:$/.test(url.protocol)) return url;
  throw new Error("is not a URL like http://collector:4318");
}

function oneOf<T extends string>(values: readonly T[], value: string): T {
  const found = values.find((known) => known === value);
  if (found !== undefined) return found;
  throw new Error(`is "${shown(value)}": must be one of ${values.join(", ")}`);
}

function parseRatio(value: string): number {
  const ratio = Number(value);
  if (ratio >= 0 && ratio <= 1) return ratio;
  throw new Error(`is "${shown(value)}": must be a number from 0 to 1`);
}

/** OpenTelemetry's booleans: only `true` is true, in any case of the letters. */
function parseBoolean(value: string): boolean {
  const name = value.toLowerCase();
  if (name === "true" || name === "false") return name === "true";
  throw new Error(`is "${shown(value)}": must be true or false`);
}

/** `name=value,name=value`, with `%` codes for other characters. The values may be secret. */
function readPairs(reader: EnvironmentReader, name: VariableName): Record<string, string> {
  const parse = (value: string) =>
    Object.fromEntries(
      value
        .split(",")
        .filter((part) => part.trim() !== "")
        .map(parsePair),
    );
  return reader.readGiven(name, parse) ?? {};
}

function parsePair(part: string): [name: string, value: string] {
  const at = part.indexOf("=");
  try {
    const name = decodeURIComponent(part.slice(0, Math.max(0, at)).trim());
    if (name !== "") return [name, decodeURIComponent(part.slice(at + 1).trim())];
  } catch {
    // The message below says what is wrong.
  }
  throw new Error("must be name=value, and more of them separated by commas");
}
