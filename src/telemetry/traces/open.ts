import type { Log } from "../../rpc/log.ts";
import { findTracer, type TracesOptions, type Tracing } from "./tracing.ts";

/** Where the API of OpenTelemetry registers an SDK. */
const REGISTERED = Symbol.for("opentelemetry.js.api.1");

/**
 * Get ready to make spans: with the SDK that an app has preloaded, else with our own if there is
 * an exporter. Without both, this returns undefined and loads nothing.
 */
export async function openTraces(
  options: TracesOptions | undefined,
  log: Log,
): Promise<Tracing | undefined> {
  const tracer = findTracer();
  if (tracer) return { tracer, sampling: undefined, close: async () => undefined };
  if (!options) {
    // An SDK with an older API than ours stays unseen.
    if (Reflect.has(globalThis, REGISTERED))
      log.warn("the preloaded SDK makes no spans: it must be OpenTelemetry 3");
    return undefined;
  }
  const { startSdk } = await import("./sdk.ts");
  return startSdk(options, log);
}
