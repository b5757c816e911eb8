/** How many calls and connections were refused, by reason. */
export interface RefusedCounts {
  readonly calls: Record<CallRefusal, number>;
  readonly connections: Record<"limit" | "not_greeted" | "protocol" | "not_reading", number>;
}

type CallRefusal =
  | "unknown_method"
  | "caller"
  | "draining"
  | "connection_in_flight"
  | "server_in_flight";

export function noneRefused(): RefusedCounts {
  return {
    calls: {
      unknown_method: 0,
      caller: 0,
      draining: 0,
      connection_in_flight: 0,
      server_in_flight: 0,
    },
    connections: { limit: 0, not_greeted: 0, protocol: 0, not_reading: 0 },
  };
}
