import { Cluster, Redis } from "ioredis";

/** The keys behind a stack, past all of its code. */
export interface OpenRedis extends AsyncDisposable {
  readonly keys: Redis | Cluster;
  /** Those that match, on all servers. */
  matching(pattern: string): Promise<string[]>;
}

/** @param url as `REDIS_URL` has it, in full: of a cluster, a URL for each address */
export async function openRedis(url: string): Promise<OpenRedis> {
  const urls = url.split(",");
  const keys = urls.length > 1 ? new Cluster(urls) : new Redis(url);
  // Before that, a cluster's client knows of no masters.
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
