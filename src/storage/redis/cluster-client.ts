import { isIP } from "node:net";
import { Cluster, Redis } from "ioredis";
import { withTimeout } from "../attempt.ts";
import type { NodeAvailability } from "../availability.ts";
import { backoffMs, CertificateError, connectionError } from "./client.ts";
import { sentinelOr } from "./role.ts";
import { rotatingLookup } from "./rotation.ts";
import { SCRIPTS } from "./scripts.ts";
import { driverTimeouts, MAX_COMMAND_MS, type RedisTimeouts } from "./timeouts.ts";

const MAX_TURN = 1_000;
/** The first connection gets this many times the time of one: ioredis asks a few nodes in turn. */
const ASKED_NODES = 4;

/**
 * A cluster client whose commands never wait without a limit.
 *
 * ioredis follows a command from node to node if it is redirected (MOVED, ASK) or if a connection
 * is lost. But its timeout begins only when the command is sent. As long as no node is connected,
 * ioredis keeps the command. Here the timeout begins at once, and without a node the command fails.
 */
class BoundedCluster extends Cluster {
  override sendCommand(...args: Parameters<Cluster["sendCommand"]>): unknown {
    const [command] = args;
    command.setTimeout(this.options.redisOptions?.commandTimeout ?? MAX_COMMAND_MS);
    // While it connects, ioredis itself reads the state of the cluster.
    const isReadyCheck = this.status === "connect" && command.name === "cluster";
    if (this.status !== "ready" && !isReadyCheck) {
      command.reject(new Error("no node of the cluster is connected"));
    }
    // ioredis keeps the commands that were in flight when the last node went down, and sends them
    // again through this method.
    return command.isSettled ? command.promise : super.sendCommand(...args);
  }
}

/**
 * Open a client of a cluster. It reconnects by itself.
 * @param urls some nodes, or one endpoint, which know the others; all have the same scheme and
 *   credentials
 */
export async function connectCluster(
  urls: readonly string[],
  nodes: NodeAvailability,
  timeouts: RedisTimeouts,
): Promise<Cluster> {
  const { protocol, username, password } = new URL(urls[0] ?? "");
  const cluster = new BoundedCluster(
    urls
      .map((url) => new URL(url))
      .map(({ hostname, port }) => ({ host: hostname.replace(/^\[|\]$/g, ""), port }))
      .map(({ host, port }) => ({
        host,
        port: Number(port || 6379),
        // The certificate names the host, even if one of its addresses is used.
        ...(protocol === "rediss:" && !isIP(host) ? { tls: { servername: host } } : {}),
      })),
    {
      lazyConnect: true,
      scripts: SCRIPTS,
      // No auto-pipelining: ioredis follows the redirects of a pipeline only if all its commands
      // get the same one, which is not the case while slots move.
      enableAutoPipelining: false,
      clusterRetryStrategy: backoffMs,
      // Servers that start at the same time begin with different nodes.
      dnsLookup: rotatingLookup(Math.floor(Math.random() * MAX_TURN)),
      redisOptions: {
        ...driverTimeouts(timeouts),
        ...(username ? { username: decodeURIComponent(username) } : {}),
        ...(password ? { password: decodeURIComponent(password) } : {}),
        ...(protocol === "rediss:" ? { tls: {} } : {}),
      },
    },
  );
  let why: unknown;
  // An EventEmitter throws an "error" that has no listener. Each error is a "node error" as well.
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
    await withTimeout(ASKED_NODES * timeouts.connectMs, cluster.connect());
    return cluster;
  } catch (error) {
    cluster.disconnect();
    throw sentinelOr((await certificateError(urls, timeouts)) ?? why ?? error);
  }
}

/** If a certificate is refused, ioredis only says that the connection was closed. */
async function certificateError(
  [url = ""]: readonly string[],
  timeouts: RedisTimeouts,
): Promise<unknown> {
  if (!url.startsWith("rediss:")) return undefined;
  const redis = new Redis(url, {
    ...driverTimeouts(timeouts),
    lazyConnect: true,
    retryStrategy: () => null,
  });
  let why: unknown;
  redis.on("error", (error: unknown) => {
    why = connectionError(true, error);
  });
  await redis.connect().catch(() => undefined); // The listener gets this error, too.
  redis.disconnect();
  return why instanceof CertificateError ? why : undefined;
}
