import { Redis } from "ioredis";
import type { Availability } from "../availability.ts";
import { backoffMs, clientOptions, observed, type RedisClient, SILENT } from "./client.ts";
import type { MasterWatch } from "./master-watch.ts";
import { roleOf, WrongRedisError } from "./role.ts";
import { addressOf, type SentinelUrl } from "./sentinel-url.ts";
import { driverTimeouts, type RedisTimeouts } from "./timeouts.ts";

const GOODBYE_MS = 200;

/**
 * Open a client of the master that the Sentinels name. It reconnects by itself: each connection
 * asks the Sentinels again, and a server that is no master is left.
 */
export function connectBySentinels(
  url: SentinelUrl,
  watch: MasterWatch,
  availability: Availability,
  timeouts: RedisTimeouts,
): RedisClient {
  const { sentinels, masterName, credentials, sentinelCredentials, db, tls } = url;
  const redis = new Redis({
    ...clientOptions(timeouts),
    ...credentials,
    db,
    sentinels: [...sentinels],
    name: masterName,
    ...(sentinelCredentials.username && { sentinelUsername: sentinelCredentials.username }),
    ...(sentinelCredentials.password && { sentinelPassword: sentinelCredentials.password }),
    ...(tls && { tls, sentinelTLS: tls, enableTLSForSentinelMode: true }),
    // A server that hangs does not say goodbye.
    disconnectTimeout: GOODBYE_MS,
    // Without it, a Sentinel that hangs would never be left.
    sentinelCommandTimeout: timeouts.commandMs,
    sentinelRetryStrategy: backoffMs,
    // Called with the answer of a Sentinel.
    natMap: (address: string) => watch.use(endpointOf(address)),
  });
  watch.start(() => {
    // While a client looks for the master, ioredis would take this for the end.
    if (redis.status === "ready") redis.disconnect(true);
  });
  redis.once("end", () => watch.close());
  return observed(redis, tls !== undefined, availability);
}

/**
 * Check the Sentinels, and the master that they name, as at the start.
 * @throws {WrongRedisError} waiting would not help
 * @throws {Error} a server does not answer, or is no master
 */
export async function checkSentinels(
  url: SentinelUrl,
  watch: MasterWatch,
  timeouts: RedisTimeouts,
): Promise<void> {
  const master = await watch.find();
  const { credentials, db, tls } = url;
  const redis = new Redis({
    ...driverTimeouts(timeouts),
    ...master,
    ...credentials,
    ...(tls && { tls }),
    db,
    lazyConnect: true,
    retryStrategy: () => null,
  });
  const { reasonOf } = observed(redis, tls !== undefined, SILENT);
  try {
    await redis.connect();
    if ((await roleOf(redis)) !== "master") {
      throw new WrongRedisError("it is a node of a cluster, which needs no Sentinels");
    }
    // Each connection has to check that its server is a master.
    await redis.info("replication");
  } catch (error) {
    throw named(addressOf(master), reasonOf(error));
  } finally {
    redis.disconnect();
  }
}

function named(address: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const message = `the Sentinels name ${address} as the master: ${error.message}`;
  const isFinal = /^(ERR|WRONGPASS|NOAUTH|NOPERM) /.test(error.message);
  if (isFinal || error instanceof WrongRedisError) {
    return new WrongRedisError(message, { cause: error });
  }
  error.message = message;
  return error;
}

/** @param address as ioredis writes it, without brackets */
function endpointOf(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(":");
  return { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
}
