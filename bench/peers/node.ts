import { stat } from "node:fs/promises";
import { join } from "node:path";
import { NODE } from "../report/results.ts";
import { run } from "../run.ts";
import type { Peer } from "./peer.ts";

const FOLDER = join(import.meta.dir, "node");
const OLDEST_NODE = 20;

/** The same service in the usual design on Node: Fastify, gRPC, mysql2 and ioredis. */
export const nodePeer: Peer = {
  name: NODE,
  isService: true,

  async prepare() {
    if (!Bun.which("node")) return "node is not installed";
    if (!Bun.which("npm")) return "npm is not installed";
    const version = (await run(["node", "--version"])).trim();
    if (Number.parseInt(version.slice(1), 10) < OLDEST_NODE) {
      return `node is ${version}, older than ${OLDEST_NODE}`;
    }
    if (!(await isInstalled())) await run(["npm", "ci", "--ignore-scripts"], { folder: FOLDER });
    return undefined;
  },

  tiers: ({ httpPort, rpcPort, databaseUrl, redisUrl, passwordHash }) => [
    {
      name: "TCP",
      command: ["node", join(FOLDER, "tcp-main.js")],
      environment: {
        NODE_ENV: "production",
        RPC_PORT: `${rpcPort}`,
        DATABASE_URL: databaseUrl,
        REDIS_URL: redisUrl,
        PASSWORD_HASH: passwordHash,
      },
    },
    {
      name: "HTTP",
      command: ["node", join(FOLDER, "http-main.js")],
      environment: {
        NODE_ENV: "production",
        HTTP_PORT: `${httpPort}`,
        RPC_ADDRESS: `127.0.0.1:${rpcPort}`,
      },
    },
  ],
};

/** npm writes this list last, so an interrupted installation does not count. */
async function isInstalled(): Promise<boolean> {
  const [wanted, installed] = await Promise.all([
    modifiedMs("package-lock.json"),
    modifiedMs("node_modules/.package-lock.json"),
  ]);
  return installed >= wanted;
}

/** 0 if the file does not exist. */
async function modifiedMs(file: string): Promise<number> {
  try {
    return (await stat(join(FOLDER, file))).mtimeMs;
  } catch {
    return 0;
  }
}
