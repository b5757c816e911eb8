// @generated from schema/system.ts by `bun run codegen`. Edit the schema, not this file.
import type { Method } from "../rpc/method.ts";
import { Description, Health, Nothing, Stats } from "./system-messages.ts";

/**
 * Tell whether the server and its stores work, asking each store now.
 * From `SystemContract.health` in schema/system.ts.
 */
export const HEALTH: Method<Nothing, Health, never> = {
  name: "System.health",
  summary: "Tell whether the server and its stores work, asking each store now.",
  number: 60001,
  hash: "0c665465b7684f09",
  idempotent: true,
  errors: [],
  request: Nothing,
  reply: Health,
};

/**
 * List the services of the server with their methods and JSON Schemas.
 * From `SystemContract.describe` in schema/system.ts.
 */
export const DESCRIBE: Method<Nothing, Description, never> = {
  name: "System.describe",
  summary: "List the services of the server with their methods and JSON Schemas.",
  number: 60002,
  hash: "ed657f271abeb5a8",
  idempotent: true,
  errors: [],
  request: Nothing,
  reply: Description,
};

/**
 * Count calls and errors and time each method, since the server's start.
 * From `SystemContract.stats` in schema/system.ts.
 */
export const STATS: Method<Nothing, Stats, never> = {
  name: "System.stats",
  summary: "Count calls and errors and time each method, since the server's start.",
  number: 60003,
  hash: "781da79485b1fa40",
  idempotent: true,
  errors: [],
  request: Nothing,
  reply: Stats,
};
