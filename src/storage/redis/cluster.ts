import { Cluster, Redis } from "ioredis";
import { withTimeout } from "../attempt.ts";
import type { NodeAvailability } from "../availability.ts";
import { backoffMs, CertificateError, connectionError, TIMEOUTS } from "./client.ts";
import { sentinelOr } from "./role.ts";
import { SCRIPTS } from "./scripts.ts";

/** All that a first connection may take: asking a few nodes for the slots, each in turn. */
const OPEN_TIMEOUT_MS = 4_000;

/**
 * ioredis follows a command from node to node, where it is redirected (MOVED, ASK) or a connection
 * is lost, but its time begins only when a node is there to send it to: until then it is kept, and
 * sent to whichever comes back. Here its time begins at once, and where no node is, it fails.
 */
class BoundedCluster extends Cluster {
  override sendCommand(...args: Parameters<Cluster["sendCommand"]>): unknown {
    const [command] = args;
    command.setTimeout(TIMEOUTS.commandTimeout);
    // While it connects, ioredis itself asks how the cluster is.
    const isReadyCheck = this.status === "connect" && command.name === "cluster";
    if (this.status !== "ready" && !isReadyCheck) {
      command.reject(new Error("no node of the cluster is connected"));
    }
    // What was under way when the last node went is kept all the same, and comes by here again.
    return command.isSettled ? command.promise : super.sendCommand(...args);
  }
}

/**
 * Open a client of a cluster, which from then on reconnects by itself.
 * @param urls of one scheme and with the same credentials; any nodes, which know the others
 */
export async function connectCluster(
  urls: readonly string[],
  nodes: NodeAvailability,
): Promise<Cluster> {
  const { protocol, username, password } = new URL(urls[0] ?? "");
  const cluster = new BoundedCluster(
    urls
      .map((url) => new URL(url))
      .map(({ hostname, port }) => ({
        host: hostname.replace(/^\[|\]$/g, ""),
        port: Number(port || 6379),
      })),
    {
      lazyConnect: true,
      scripts: SCRIPTS,
      // No auto-pipelining: of commands that went out together, ioredis follows redirects only if
      // all have the same one, and while slots move from node to node, that is never so.
      enableAutoPipelining: false,
      clusterRetryStrategy: backoffMs,
      // Names are kept: certificates are made out to them, and each connection resolves them anew.
      dnsLookup: (host, found) => found(null, host),
      redisOptions: {
        ...TIMEOUTS,
        ...(username ? { username: decodeURIComponent(username) } : {}),
        ...(password ? { password: decodeURIComponent(password) } : {}),
        ...(protocol === "rediss:" ? { tls: {} } : {}),
      },
    },
  );
  let why: unknown;
  // An EventEmitter throws errors that nobody listens to; each of these is a node's as well.
  cluster.on("error", () => undefined);
  cluster.on("node error", (error: unknown) => {
    why = error;
  });
  cluster.on("+node", (node) => {
    const address = `${node.options.host}:${node.options.port}`;
    node.on("ready", () => nodes.up(address));
    node.on("error", (error: unknown) => nodes.down(address, error));
  });
  try {
    await withTimeout(OPEN_TIMEOUT_MS, cluster.connect());
    return cluster;
  } catch (error) {
    cluster.disconnect();
    throw sentinelOr((await certificateError(urls)) ?? why ?? error);
  }
}

/** Of a node that it could not ask, ioredis says no more than that the connection was closed. */
async function certificateError([url = ""]: readonly string[]): Promise<unknown> {
  if (!url.startsWith("rediss:")) return undefined;
  const redis = new Redis(url, { ...TIMEOUTS, lazyConnect: true, retryStrategy: () => null });
  let why: unknown;
  redis.on("error", (error: unknown) => {
    why = connectionError(true, error);
  });
  await redis.connect().catch(() => undefined); // It is told as an error, too.
  redis.disconnect();
  return why instanceof CertificateError ? why : undefined;
}
