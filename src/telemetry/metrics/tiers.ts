import { HTTP_METRICS, PROCESS_METRICS, TCP_METRICS } from "./catalogue.ts";
import { type HttpSources, httpCollectors } from "./http-metrics.ts";
import { type ProcessSources, processCollectors } from "./process-metrics.ts";
import { type TcpSources, tcpCollectors } from "./tcp-metrics.ts";
import { TierMetrics } from "./tier-metrics.ts";

/** The metrics of an HTTP tier. Its process is measured from here on. */
export function httpTierMetrics(sources: HttpSources & Omit<ProcessSources, "tier">): TierMetrics {
  const metrics = new TierMetrics();
  metrics.add(PROCESS_METRICS, processCollectors({ ...sources, tier: "http" }));
  metrics.add(HTTP_METRICS, httpCollectors(sources));
  return metrics;
}

/** The metrics of a TCP tier. Its process is measured from here on. */
export function tcpTierMetrics(sources: TcpSources & Omit<ProcessSources, "tier">): TierMetrics {
  const metrics = new TierMetrics();
  metrics.add(PROCESS_METRICS, processCollectors({ ...sources, tier: "tcp" }));
  metrics.add(TCP_METRICS, tcpCollectors(sources));
  return metrics;
}
