import type { Variable } from "./variable.ts";

/** What an operator sees of a running process, and how it ends. */
export const OPERATION = {
  METRICS_HOST: {
    default: "127.0.0.1",
    meaning: "address of `/metrics`, `/livez` and `/readyz`, which need no password",
    readBy: ["http", "tcp"],
  },
  METRICS_PORT: {
    default: "none",
    meaning:
      "port of `/metrics`, `/livez` and `/readyz`; 0 takes a free one; in `bun run start` one " +
      "port for all processes, else each process needs its own " +
      "([more](operations.md#the-operator-port))",
    readBy: ["http", "tcp"],
    kind: "number",
  },
  DRAIN_DELAY_MS: {
    default: "0",
    meaning:
      "how long a process that must end still takes requests, while `/readyz` already answers " +
      "503; longer than a load balancer takes to notice",
    readBy: ["http", "tcp"],
  },
  ACCESS_LOG: {
    default: "errors",
    meaning:
      "requests that get a line in the log of the HTTP tier: `all`, `errors` (status 500 and " +
      "above), `off` ([more](operations.md#the-access-log))",
    readBy: ["http"],
  },
  SLOW_REQUEST_MS: {
    default: "1000",
    meaning:
      "a request that takes this long is kept for `System.explain`, as failed ones are " +
      "([more](operations.md#what-happened-to-a-request))",
    readBy: ["http", "tcp"],
  },
} as const satisfies Record<string, Variable>;
