import type { CallStats } from "../call-stats.ts";
import type { Distribution } from "./spec.ts";

/** The calls of an RPC by method and outcome, on the client or on the server. */
export function* callDurations({ methods }: CallStats): Generator<Distribution> {
  for (const [method, count] of methods) {
    for (const [outcome, durations] of count.durations) {
      const status = outcome === "done" ? "ok" : outcome;
      yield { labels: { rpc_method: method, rpc_response_status_code: status }, durations };
    }
  }
}

export function callsInFlight({ methods }: CallStats): number {
  return methods.values().reduce((sum, { inFlight }) => sum + inFlight, 0);
}

export function* phaseDurations({ phases }: CallStats): Generator<Distribution> {
  for (const [phase, durations] of phases) {
    yield { labels: { phase: phase.replaceAll(" ", "_") }, durations };
  }
}
