import type { RowDataPacket } from "mysql2";
import type { Log } from "../../rpc/log.ts";
import { openConnection, query } from "./connection.ts";
import { isTemporary } from "./errors.ts";

const INSPECT_EVERY_MS = 60_000;
const TIMEOUT_MS = 2_500;

interface VariableRow extends RowDataPacket {
  readonly Value: string;
}

/** One server of DATABASE_URL. */
export interface Host {
  /** Its DATABASE_URL. */
  readonly url: string;
  /** For people: such as "db1:3306". */
  readonly address: string;
}

/**
 * Logs which host is used, and looks at the others about once a minute. A wrong certificate or a
 * missing user of a replica would otherwise be found only in a failover.
 */
export class HostReports {
  readonly #hosts: readonly Host[];
  readonly #log: Log;
  /** The last warning about each host, so that each is logged once. */
  readonly #warnings = new Map<Host, string>();
  #inspectedAtMs = Number.NEGATIVE_INFINITY;

  constructor(hosts: readonly Host[], log: Log) {
    this.#hosts = hosts;
    this.#log = log;
  }

  moved(from: Host, to: Host): void {
    this.#log.warn(`MySQL: ${to.address} takes the writes now, instead of ${from.address}`);
    this.#inspectedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Look at the hosts other than the one in use. Does not wait for them. */
  inspectIfDue(used: Host): void {
    const nowMs = performance.now();
    if (nowMs - this.#inspectedAtMs < INSPECT_EVERY_MS) return;
    this.#inspectedAtMs = nowMs;
    for (const host of this.#hosts) if (host !== used) void this.#inspect(host, used);
  }

  async #inspect(host: Host, used: Host): Promise<void> {
    const why = await whyUnfit(host, used).catch((error: unknown) => {
      // A host that is down or read-only is as expected.
      return isTemporary(error) || !(error instanceof Error) ? undefined : error.message;
    });
    if (why === this.#warnings.get(host)) return;
    if (why === undefined) {
      this.#warnings.delete(host);
      return;
    }
    this.#warnings.set(host, why);
    this.#log.warn({ why }, `MySQL at ${host.address} (DATABASE_URL) could not take over`);
  }
}

/** Connect to a host that should be a replica, or a node of the same cluster. */
async function whyUnfit(host: Host, used: Host): Promise<string | undefined> {
  const connection = await openConnection(host.url, { timeoutMs: TIMEOUT_MS });
  try {
    // It takes writes, as it should in a Galera cluster.
    const [row] = await query<VariableRow[]>(connection, "SHOW VARIABLES LIKE 'wsrep_on'");
    if (row?.Value === "ON") return undefined;
    return (
      `it takes writes, and so does ${used.address}: unless both are parts of one cluster, turn ` +
      "read_only on at the one that is not the primary"
    );
  } finally {
    connection.destroy();
  }
}
