import { describe, expect, test } from "bun:test";
import { HTTP_TIER } from "./http.ts";
import { load } from "./load.ts";
import { TCP_TIER } from "./tcp.ts";
import type { Environment } from "./variables.ts";

const ON = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };

const traces = (environment: Environment) => load(HTTP_TIER, environment).traces;

describe("traces", () => {
  test("are off by default, and off if a variable says so", () => {
    expect(traces({})).toBeUndefined();
    expect(traces({ OTEL_SERVICE_NAME: "x", OTEL_TRACES_SAMPLER: "always_on" })).toBeUndefined();
    expect(traces({ ...ON, OTEL_TRACES_EXPORTER: "none" })).toBeUndefined();
    expect(traces({ ...ON, OTEL_SDK_DISABLED: "TRUE" })).toBeUndefined();
    expect(traces({ ...ON, OTEL_TRACES_SAMPLER: "always_off" })).toBeUndefined();
  });

  test("are on with an endpoint, or with the exporter alone", () => {
    expect(traces({ ...ON, OTEL_SDK_DISABLED: "false" })).toMatchObject({
      protocol: "http/protobuf",
      sampling: { ratio: 1, isParentBased: true },
      resource: { "service.name": "portico-http" },
    });
    expect(load(TCP_TIER, ON).traces?.resource).toEqual({ "service.name": "portico-tcp" });
    const url = (environment: Environment) => traces(environment)?.url.href;
    expect(url(ON)).toBe("http://collector:4318/v1/traces");
    expect(url({ OTEL_TRACES_EXPORTER: "otlp" })).toBe("http://localhost:4318/v1/traces");
    expect(url({ OTEL_EXPORTER_OTLP_ENDPOINT: "https://a.test/otlp/" })).toBe(
      "https://a.test/otlp/v1/traces",
    );
    expect(url({ ...ON, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://b.test/spans" })).toBe(
      "https://b.test/spans",
    );
  });

  test.each([
    ["always_on", 1, false],
    ["traceidratio", 0.1, false],
    ["parentbased_always_on", 1, true],
    ["parentbased_always_off", 0, true],
    ["parentbased_traceidratio", 0.1, true],
  ] as const)("sampler %s", (name, ratio, isParentBased) => {
    const sampler = { OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: "0.1" };
    expect(traces({ ...ON, ...sampler })?.sampling).toEqual({ ratio, isParentBased });
  });

  test("headers and attributes are pairs with % codes; the name of the service has its own", () => {
    const config = traces({
      ...ON,
      OTEL_EXPORTER_OTLP_HEADERS: "api-key=a%3Db, x-scope = 1 ,",
      OTEL_RESOURCE_ATTRIBUTES: "service.name=a,deployment.environment.name=test%20two",
    });
    expect(config?.headers).toEqual({ "api-key": "a=b", "x-scope": "1" });
    const place = { "deployment.environment.name": "test two" };
    expect(config?.resource).toEqual({ "service.name": "a", ...place });
    const named = { OTEL_RESOURCE_ATTRIBUTES: "service.name=a", OTEL_SERVICE_NAME: "b" };
    expect(traces({ ...ON, ...named })?.resource).toEqual({ "service.name": "b" });
  });

  test.each([
    ["OTEL_TRACES_EXPORTER", "zipkin", 'is "zipkin": must be one of otlp, none'],
    ["OTEL_TRACES_SAMPLER", "always", "must be one of always_on, always_off, traceidratio, "],
    ["OTEL_TRACES_SAMPLER_ARG", "10%", 'is "10%": must be a number from 0 to 1'],
    ["OTEL_TRACES_SAMPLER_ARG", "1.5", "must be a number from 0 to 1"],
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "must be one of http/protobuf, http/json"],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", "is not a URL like http://collector:4318"],
    ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "/v1", "is not a URL like"],
    ["OTEL_EXPORTER_OTLP_HEADERS", "secret", "must be name=value, and more of them"],
    ["OTEL_EXPORTER_OTLP_HEADERS", "key=secret%", "must be name=value, and more of them"],
    ["OTEL_RESOURCE_ATTRIBUTES", "=secret", "must be name=value, and more of them"],
    ["OTEL_SDK_DISABLED", "1", 'is "1": must be true or false'],
  ])("%s=%s is refused, even if traces are off", (name, value, why) => {
    const refusal = (loader: typeof HTTP_TIER | typeof TCP_TIER) => {
      try {
        load<object>(loader, { [name]: value });
      } catch (error) {
        return String(error);
      }
      return "accepted";
    };
    for (const loader of [HTTP_TIER, TCP_TIER]) {
      expect(refusal(loader)).toContain(`${name} ${why.startsWith("is") ? why : ""}`.trimEnd());
      expect(refusal(loader)).toContain(why);
      expect(refusal(loader)).not.toContain("secret");
    }
  });
});
