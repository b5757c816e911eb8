import { type Health, SystemClient } from "../gen/system.ts";
import { RpcError } from "../rpc/error.ts";
import type { OneServer } from "../rpc/one-server.ts";
import type { Check } from "./readiness.ts";

/** Longer than a TCP server that works takes, and shorter than probes wait. */
const TIMEOUT_MS = 800;
const LATE =
  `no answer within ${TIMEOUT_MS} ms: the server or one of its databases hangs ` +
  "(its own /readyz says which)";

/** Whether at least one TCP server answers and its databases take writes. */
export function serversCheck(servers: () => readonly OneServer[]): Check {
  return async () => {
    try {
      // The first server that is ready decides: another may hang.
      await Promise.any(servers().map(throwIfNotReady));
      return undefined;
    } catch (error) {
      const reasons: unknown[] = error instanceof AggregateError ? error.errors : [error];
      return reasons.map((why) => (why instanceof Error ? why.message : String(why))).join("\n");
    }
  };
}

/** @throws {Error} why the server is not ready */
async function throwIfNotReady(server: OneServer): Promise<void> {
  const name = `TCP server ${server.address.host}:${server.address.port}`;
  let health: Health;
  try {
    health = await new SystemClient(server.caller).health({}, { timeoutMs: TIMEOUT_MS });
  } catch (error) {
    // The server is busy. If that counted, an overload of all servers would stop all traffic.
    if (error instanceof RpcError && error.status === "resource_exhausted") return;
    // A call waits while its server is lost, and then knows only that its time is over.
    const why = server.lost() ?? (isLate(error) ? LATE : error);
    throw new Error(`${name}: ${why instanceof Error ? why.message : why}`, { cause: error });
  }
  if (health.server.state === "down") throw new Error(`${name}: draining`);
  const down = [health.users, health.sessions].filter(({ state }) => state === "down");
  if (down.length === 0) return;
  const names = new Set(down.map((part) => part.name));
  const which = [...names].join(" and ");
  throw new Error(`${name}: ${which} is down or takes no writes (the log of that server says why)`);
}

function isLate(error: unknown): boolean {
  return error instanceof RpcError && error.status === "deadline_exceeded";
}
