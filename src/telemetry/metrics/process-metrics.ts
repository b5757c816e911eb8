import { readdirSync, readFileSync } from "node:fs";
import { Durations } from "../../rpc/durations.ts";
import type { LogCounts } from "../log.ts";
import type { PROCESS_METRICS } from "./catalogue.ts";
import type { Collectors, Value } from "./spec.ts";

const TIMER_MS = 100;

export interface ProcessSources {
  readonly tier: "http" | "tcp";
  readonly version: string;
  readonly log: { counts(): LogCounts };
  readonly readiness: { readonly isReady: boolean };
}

/**
 * Metrics of this process. Those that the library has by default are not used: on Bun, several of
 * them are missing or wrong.
 */
export function processCollectors(sources: ProcessSources): Collectors<typeof PROCESS_METRICS> {
  const { tier, version, log, readiness } = sources;
  const one = (value: number | undefined): Value[] =>
    value === undefined ? [] : [{ labels: { tier }, value }];
  const delays = measureDelays();
  const maxDescriptors = softLimit();
  return {
    portico_build_info: () => [{ labels: { tier, version, bun: Bun.version }, value: 1 }],
    portico_ready_processes: () => one(readiness.isReady ? 1 : 0),
    process_start_time_seconds: () => one(performance.timeOrigin / 1000),
    process_cpu_seconds_total: () => {
      const { user, system } = process.cpuUsage();
      return one((user + system) / 1e6);
    },
    process_resident_memory_bytes: () => one(process.memoryUsage.rss()),
    process_open_fds: () => one(openDescriptors()),
    process_max_fds: () => one(maxDescriptors),
    portico_event_loop_delay_seconds: () => [{ labels: { tier }, durations: delays }],
    portico_log_events_total: () => [
      { labels: { tier, level: "warn" }, value: log.counts().warnings },
      { labels: { tier, level: "error" }, value: log.counts().errors },
    ],
    portico_log_lines_suppressed_total: () => one(log.counts().suppressed),
    portico_log_lines_dropped_total: () => one(log.counts().dropped),
  };
}

/**
 * Count how late a timer runs. Ten times a second cost a tenth of what `monitorEventLoopDelay`
 * costs, and counts can be added up over processes.
 */
function measureDelays(): Durations {
  const delays = new Durations();
  let dueAt = performance.now() + TIMER_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    delays.add(Math.max(0, now - dueAt));
    dueAt = now + TIMER_MS;
  }, TIMER_MS);
  timer.unref();
  return delays;
}

/** Undefined on systems without /proc. */
function openDescriptors(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length - 1; // Without the one that reads the folder.
  } catch {
    return undefined;
  }
}

/** The limit of `ulimit -n`; undefined if there is none, or no /proc. */
function softLimit(): number | undefined {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const [, limit] = /^Max open files +(\d+)/m.exec(limits) ?? [];
    return limit === undefined ? undefined : Number(limit);
  } catch {
    return undefined;
  }
}
