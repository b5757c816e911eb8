import { type Endpoint, parseHost } from "./hosts.ts";
import type { EnvironmentReader } from "./load.ts";
import { parsePort } from "./values.ts";

/** What an operator sees of a running process, and how it ends. */
export interface OperationConfig {
  /** Where metrics and probes are served; undefined if they are not. */
  readonly metrics: Endpoint | undefined;
  readonly drainDelayMs: number;
  /** A request or a call that takes this long is kept for System.explain. */
  readonly slowRequestMs: number;
}

const MAX_SLOW_REQUEST_MS = 3_600_000;
const MAX_DRAIN_DELAY_MS = 600_000;

export function readOperation(reader: EnvironmentReader): OperationConfig {
  const host = reader.read("METRICS_HOST", "", (value) => parseHost(value, "METRICS_PORT"));
  const port = reader.readGiven("METRICS_PORT", parsePort);
  return {
    metrics: port === undefined ? undefined : { host, port },
    drainDelayMs: reader.whole("DRAIN_DELAY_MS", 0, MAX_DRAIN_DELAY_MS),
    slowRequestMs: reader.whole("SLOW_REQUEST_MS", 1, MAX_SLOW_REQUEST_MS),
  };
}
