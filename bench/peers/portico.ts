import { tmpdir } from "node:os";
import { join } from "node:path";
import { MEMORY_ENVIRONMENT } from "../../src/config/start.ts";
import { PORTICO } from "../report/results.ts";
import type { Peer } from "./peer.ts";

const ROOT = join(import.meta.dir, "../..");

/** Portico as `bun run start:tcp` and `bun run start:http` start it. */
export const portico: Peer = {
  name: PORTICO,
  isService: true,
  prepare: () => Promise.resolve(undefined),
  tiers({ httpPort, rpcPort, databaseUrl, redisUrl, passwordHash }) {
    const environment = {
      NODE_ENV: "production",
      LOG_LEVEL: "warn",
      // Holds avatars, which no load uses.
      DATA_DIR: join(tmpdir(), `portico-bench-${httpPort}`),
    };
    return [
      {
        name: "TCP",
        command: [process.execPath, join(ROOT, "src/tcp-main.ts")],
        environment: {
          ...environment,
          ...MEMORY_ENVIRONMENT,
          RPC_PORT: `${rpcPort}`,
          DATABASE_URL: databaseUrl,
          REDIS_URL: redisUrl,
          PASSWORD_HASH: passwordHash,
        },
      },
      {
        name: "HTTP",
        command: [process.execPath, join(ROOT, "src/http-main.ts")],
        environment: {
          ...environment,
          ...MEMORY_ENVIRONMENT,
          HTTP_PORT: `${httpPort}`,
          RPC_ADDRESSES: `127.0.0.1:${rpcPort}`,
        },
      },
    ];
  },
};
