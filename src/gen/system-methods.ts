// @generated from schema/system.ts by `bun run codegen`. Edit the schema, not this file.
import type { Method } from "../rpc/call.ts";
import { Description, Health, Nothing, Stats } from "./system-messages.ts";

export const HEALTH: Method<Nothing, Health, never> = {
  name: "System.health",
  number: 60001,
  hash: "d68753656eaf0f8f",
  idempotent: true,
  errors: [],
  request: Nothing,
  reply: Health,
};

export const DESCRIBE: Method<Nothing, Description, never> = {
  name: "System.describe",
  number: 60002,
  hash: "803bb74531c51654",
  idempotent: true,
  errors: [],
  request: Nothing,
  reply: Description,
};

export const STATS: Method<Nothing, Stats, never> = {
  name: "System.stats",
  number: 60003,
  hash: "caa0f7c0abd91198",
  idempotent: true,
  errors: [],
  request: Nothing,
  reply: Stats,
};
