import { Type } from "@sinclair/typebox";
import { contract } from "./contract.ts";

const Count = Type.Integer({ minimum: 0 });
const Milliseconds = Type.Number({ minimum: 0 });

export const Nothing = Type.Object({});

export const PartHealth = Type.Object({
  name: Type.String({ description: 'What it is, as in "MySQL".' }),
  state: Type.Union([Type.Literal("up"), Type.Literal("down")]),
  latencyMs: Type.Number({
    minimum: 0,
    description: "How long it took to answer, or to be given up.",
  }),
});

export const Health = Type.Object({
  server: PartHealth,
  users: PartHealth,
  sessions: PartHealth,
});

export const MethodDescription = Type.Object({
  name: Type.String(),
  number: Type.Integer({ description: "Its identity on the wire." }),
  hash: Type.String({
    description: "Digest of its shape, as in HELLO: with it, it can be called.",
  }),
  summary: Type.String(),
  idempotent: Type.Boolean(),
  errors: Type.Array(Type.String(), {
    description: "What it may answer beside its reply; DataBaseError goes without saying.",
  }),
  request: Type.Unknown({ description: "The JSON Schema of the request." }),
  reply: Type.Unknown({ description: "The JSON Schema of the reply." }),
});

export const ServiceDescription = Type.Object({
  service: Type.String(),
  methods: Type.Array(MethodDescription),
});

export const Description = Type.Object({ services: Type.Array(ServiceDescription) });

export const Quantiles = Type.Object({ p50: Milliseconds, p90: Milliseconds, p99: Milliseconds });

export const MethodStats = Type.Object({
  method: Type.String({ description: "Service.method" }),
  calls: Type.Integer({ minimum: 0, description: "All that ended, whatever way." }),
  errors: Type.Record(Type.String(), Count, {
    description: "Error or RPC status → calls that ended with it.",
  }),
  inFlight: Count,
  latencyMs: Type.Union([Quantiles, Type.Null()], {
    description: "Of the calls that ended, within 5 %; null where none has.",
  }),
});

export const Stats = Type.Object({
  uptimeMs: Milliseconds,
  openConnections: Count,
  methods: Type.Array(MethodStats, {
    description: "Of the methods that were called since the start.",
  }),
});

export const SystemContract = contract("System", {
  health: {
    number: 60001,
    summary: "Tell whether the server and its stores work, asking each store now.",
    idempotent: true,
    request: Nothing,
    reply: Health,
    errors: [],
  },
  describe: {
    number: 60002,
    summary: "List the services of the server with their methods and JSON Schemas.",
    idempotent: true,
    request: Nothing,
    reply: Description,
    errors: [],
  },
  stats: {
    number: 60003,
    summary: "Count calls and errors and time each method, since the server's start.",
    idempotent: true,
    request: Nothing,
    reply: Stats,
    errors: [],
  },
});
