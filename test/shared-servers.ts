// Servers that all test files of a run share: `test/main.ts` starts them. Without it, as in
// `bun test FILE`, each file starts what it needs itself.
import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { createConnection } from "mysql2/promise";
import type { Databases } from "./own-servers.ts";

/** Where they are, in the environment of the test files. */
export interface SharedServers {
  /** `mysql://user:password@host:port` */
  readonly mariaDbUrl?: string;
  /** `redis://host:port`; database 0 counts those that are given away. */
  readonly redisUrl?: string;
  readonly s3Port?: number;
}

const VARIABLE = "PORTICO_TEST_SERVERS";

export const sharedServers: SharedServers = JSON.parse(process.env[VARIABLE] ?? "{}");

/** What tells the test files of a run where the shared servers are. */
export function environmentOf(servers: SharedServers): Record<string, string> {
  return { [VARIABLE]: JSON.stringify(servers) };
}

/** Of this file alone: a process may run several, each with modules of its own. */
const prefix = `test_${randomUUID().slice(0, 8)}`;
let made = 0;

/** A name that no other test file gives. */
export const uniqueName = (): string => `${prefix}_${++made}`;

export function sharedDatabases(url: string): Databases {
  return {
    url,
    async createDatabase() {
      const name = uniqueName();
      const connection = await createConnection(url);
      try {
        await connection.query(`CREATE DATABASE ${name}`);
      } finally {
        await connection.end();
      }
      return `${url}/${name}`;
    },
  };
}

export function sharedRedisNumbers(url: string): Databases {
  return {
    url,
    async createDatabase() {
      const redis = new Redis(`${url}/0`);
      try {
        return `${url}/${await redis.incr("given")}`;
      } finally {
        redis.disconnect();
      }
    },
  };
}
