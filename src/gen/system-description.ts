// @generated from schema/system.ts by `bun run codegen`. Edit the schema, not this file.
import * as schema from "../../schema/system.ts";
import type { ServiceDescription } from "./system-messages.ts";

export const SYSTEM_DESCRIPTION: ServiceDescription = {
  service: "System",
  methods: [
    {
      name: "health",
      number: 60001,
      hash: "d68753656eaf0f8f",
      summary: "Tell whether the server and its stores work, asking each store now.",
      idempotent: true,
      errors: [],
      request: schema.Nothing,
      reply: schema.Health,
    },
    {
      name: "describe",
      number: 60002,
      hash: "803bb74531c51654",
      summary: "List the services of the server with their methods and JSON Schemas.",
      idempotent: true,
      errors: [],
      request: schema.Nothing,
      reply: schema.Description,
    },
    {
      name: "stats",
      number: 60003,
      hash: "caa0f7c0abd91198",
      summary: "Count calls and errors and time each method, since the server's start.",
      idempotent: true,
      errors: [],
      request: schema.Nothing,
      reply: schema.Stats,
    },
  ],
};
