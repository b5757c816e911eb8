import type { Connection } from "./connection.ts";

/** What one pool has at the moment, or several together. */
export interface PoolCounts {
  /** Busy and idle ones are open: with and without a call in flight. */
  readonly connections: Readonly<Record<"busy" | "idle" | "opening" | "leaving", number>>;
  /** Calls that wait for a connection. */
  readonly waiting: number;
}

export function countsOf(
  open: readonly Connection[],
  opening: number,
  leaving: number,
  waiting: number,
): PoolCounts {
  const idle = countIdle(open);
  return { connections: { busy: open.length - idle, idle, opening, leaving }, waiting };
}

export function sumOf(counts: readonly PoolCounts[]): PoolCounts {
  const connections = { busy: 0, idle: 0, opening: 0, leaving: 0 };
  let waiting = 0;
  for (const each of counts) {
    waiting += each.waiting;
    connections.busy += each.connections.busy;
    connections.idle += each.connections.idle;
    connections.opening += each.connections.opening;
    connections.leaving += each.connections.leaving;
  }
  return { connections, waiting };
}

export function countIdle(connections: readonly Pick<Connection, "inFlight">[]): number {
  return connections.filter(({ inFlight }) => inFlight === 0).length;
}
