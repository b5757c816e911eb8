import type { Durations } from "../../rpc/durations.ts";
import type { CallStats } from "../call-stats.ts";
import { callDurations, callsInFlight } from "./call-metrics.ts";
import type { TCP_METRICS } from "./catalogue.ts";
import type { OperationDurations } from "./operation-durations.ts";
import { byLabel, type Collectors, type Value } from "./spec.ts";

type Counts = Readonly<Record<string, number>>;

/** What the TCP tier counts, as its parts have it. */
export interface TcpSources {
  readonly calls: CallStats;
  readonly operations: OperationDurations;
  readonly listener: {
    readonly counts: {
      readonly connections: Counts;
      readonly handlers: number;
      readonly refused: { readonly calls: Counts; readonly connections: Counts };
    };
  };
  readonly certificate: { readonly expiresAtMs: number | undefined };
  readonly passwords: { readonly counts: HashCounts };
  readonly throttle: {
    readonly counts: {
      readonly admitted: Counts;
      readonly refused: Counts;
      readonly failures: Counts;
      readonly levels: number;
    };
  };
  readonly storage: {
    /** Undefined if nothing is cached. */
    cacheCounts?(): CacheCounts;
    /** Undefined without MySQL. */
    poolCounts?(): PoolCounts;
  };
}

interface HashCounts {
  readonly waiting: number;
  readonly running: number;
  readonly refused: number;
  readonly waits: Durations;
  readonly hashes: Durations;
}

interface CacheCounts {
  readonly hits: number;
  readonly misses: number;
  readonly leases: number;
  readonly noLeases: number;
  readonly fills: number;
  readonly noFills: number;
}

interface PoolCounts {
  readonly used: number;
  readonly idle: number;
  readonly max: number;
  readonly waiting: number;
}

export function tcpCollectors(sources: TcpSources): Collectors<typeof TCP_METRICS> {
  const { calls, operations, listener, certificate, passwords, throttle, storage } = sources;
  return {
    rpc_server_call_duration_seconds: () => callDurations(calls),
    portico_rpc_server_calls_in_flight: () => callsInFlight(calls),
    portico_rpc_server_handlers: () => listener.counts.handlers,
    portico_rpc_server_calls_refused_total: () => byLabel("reason", listener.counts.refused.calls),
    portico_rpc_server_connections: () => byLabel("state", listener.counts.connections),
    portico_rpc_server_connections_refused_total: () =>
      byLabel("reason", listener.counts.refused.connections),
    portico_tls_certificate_expiry_timestamp_seconds: () =>
      certificate.expiresAtMs === undefined ? [] : only(certificate.expiresAtMs / 1000),
    portico_hash_queue_waiting: () => passwords.counts.waiting,
    portico_hash_queue_running: () => passwords.counts.running,
    portico_hash_wait_duration_seconds: () => [{ labels: {}, durations: passwords.counts.waits }],
    portico_hash_duration_seconds: () => [{ labels: {}, durations: passwords.counts.hashes }],
    portico_hash_queue_refused_total: () => passwords.counts.refused,
    portico_cache_reads_total: () =>
      ofCache(storage, ({ hits, misses }) => byLabel("result", { hit: hits, miss: misses })),
    portico_cache_leases_total: () =>
      ofCache(storage, ({ leases, noLeases }) =>
        byLabel("result", { granted: leases, refused: noLeases }),
      ),
    portico_cache_fills_total: () =>
      ofCache(storage, ({ fills, noFills }) =>
        byLabel("result", { filled: fills, refused: noFills }),
      ),
    portico_throttle_admitted_total: () => byLabel("kind", throttle.counts.admitted),
    portico_throttle_refused_total: () => byLabel("limit", throttle.counts.refused),
    portico_throttle_failures_total: () => byLabel("limit", throttle.counts.failures),
    portico_throttle_levels: () => throttle.counts.levels,
    db_client_operation_duration_seconds: () => operations.distributions(),
    portico_mysql_connections: () =>
      ofPool(storage, ({ used, idle }) => byLabel("state", { used, idle })),
    portico_mysql_connections_max: () => ofPool(storage, ({ max }) => only(max)),
    portico_mysql_waiting_statements: () => ofPool(storage, ({ waiting }) => only(waiting)),
  };
}

/** Without a cache, its metrics have no values, which is not the same as 0. */
function ofCache(
  { cacheCounts }: TcpSources["storage"],
  values: (counts: CacheCounts) => Value[],
): Value[] {
  return cacheCounts ? values(cacheCounts()) : [];
}

function ofPool(
  { poolCounts }: TcpSources["storage"],
  values: (counts: PoolCounts) => Value[],
): Value[] {
  return poolCounts ? values(poolCounts()) : [];
}

function only(value: number): Value[] {
  return [{ labels: {}, value }];
}
