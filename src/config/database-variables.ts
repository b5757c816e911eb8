import type { Variable } from "./variable.ts";

/** Variables for connections to the databases. */
export const DATABASES = {
  MYSQL_POOL_SIZE: {
    default: "10",
    meaning:
      "connections of one TCP server to MySQL, from 1 to 1,000; more statements wait. For all " +
      "servers together, fewer than MySQL's `max_connections`",
    readBy: ["tcp"],
  },
  MYSQL_CONNECTION_MAX_AGE_SECONDS: {
    default: "120",
    meaning:
      "a connection to MySQL is closed at this age, or up to a quarter sooner, from 1 to 3,600; " +
      "so servers notice a name that has moved ([more](storage.md#one-primary))",
    readBy: ["tcp"],
  },
  REDIS_CONNECT_TIMEOUT_MS: {
    default: "1000",
    meaning: "how long a connection to Redis may take to open, from 100 to 10,000",
    readBy: ["tcp"],
  },
  REDIS_COMMAND_TIMEOUT_MS: {
    default: "1000",
    meaning:
      "how long a command may wait for Redis, from 100 to 3,000; the cache is right for no " +
      "longer time ([more](cache.md#why-it-holds))",
    readBy: ["tcp"],
  },
} as const satisfies Record<string, Variable>;
