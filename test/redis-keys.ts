import { Cluster, Redis } from "ioredis";

/** The keys of a stack, read directly from Redis. */
export interface OpenRedis extends AsyncDisposable {
  readonly keys: Redis | Cluster;
  /** The matching keys of all servers. */
  matching(pattern: string): Promise<string[]>;
}

/** @param url as in `REDIS_URL`; for a cluster, a full URL for each address */
export async function openRedis(url: string): Promise<OpenRedis> {
  const urls = url.split(",");
  const keys = urls.length > 1 ? new Cluster(urls) : new Redis(url);
  // Until then, the client of a cluster knows no masters.
  await keys.ping();
  const servers = keys instanceof Cluster ? keys.nodes("master") : [keys];
  return {
    keys,
    async matching(pattern) {
      const found = await Promise.all(servers.map((server) => server.keys(pattern)));
      return found.flat().sort();
    },
    [Symbol.asyncDispose]: async () => keys.disconnect(),
  };
}
