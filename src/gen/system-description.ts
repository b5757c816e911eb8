// @generated from schema/system.ts by `bun run codegen`. Edit the schema, not this file.
import * as schema from "../../schema/system.ts";
import type { ServiceDescription } from "./system-messages.ts";

/** What a server says that System offers. From `SystemContract` in schema/system.ts. */
export const SYSTEM_DESCRIPTION: ServiceDescription = {
  service: "System",
  methods: [
    {
      name: "health",
      number: 60001,
      hash: "0c665465b7684f09",
      summary: "Tell whether the server and its stores work, asking each store now.",
      idempotent: true,
      errors: [],
      request: schema.Nothing,
      reply: schema.Health,
    },
    {
      name: "describe",
      number: 60002,
      hash: "ed657f271abeb5a8",
      summary: "List the services of the server with their methods and JSON Schemas.",
      idempotent: true,
      errors: [],
      request: schema.Nothing,
      reply: schema.Description,
    },
    {
      name: "stats",
      number: 60003,
      hash: "781da79485b1fa40",
      summary: "Count calls and errors and time each method, since the server's start.",
      idempotent: true,
      errors: [],
      request: schema.Nothing,
      reply: schema.Stats,
    },
  ],
};
