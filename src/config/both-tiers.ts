import type { LogLevel } from "../telemetry/log.ts";
import type { EnvironmentReader } from "./reader.ts";
import { parseLogLevel } from "./values.ts";

// What both tiers read.

const MAX_SESSION_TTL_SECONDS = 365 * 24 * 3600;

export function readSessionTtl(reader: EnvironmentReader): number {
  return reader.whole("SESSION_TTL_SECONDS", 1, MAX_SESSION_TTL_SECONDS);
}

export function readLogLevel(reader: EnvironmentReader): LogLevel {
  return reader.read("LOG_LEVEL", "info", parseLogLevel);
}
