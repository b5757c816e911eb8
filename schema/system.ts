import { Type } from "@sinclair/typebox";
import { contract } from "./contract.ts";

const Count = Type.Integer({ minimum: 0 });
const Milliseconds = Type.Number({ minimum: 0 });

export const Nothing = Type.Object({}, { description: "The method says it all." });

export const PartHealth = Type.Object(
  {
    name: Type.String({ description: 'What it is, as in "MySQL".' }),
    state: Type.Union([Type.Literal("up"), Type.Literal("down")], {
      description: "Whether it answered in time; why not is in the server's log.",
    }),
    latencyMs: Type.Number({
      minimum: 0,
      description: "How long it took to answer, or to be given up.",
    }),
  },
  { description: "Whether one part of a server works, as it was asked just now." },
);

export const Health = Type.Object(
  {
    server: PartHealth,
    users: PartHealth,
    sessions: PartHealth,
  },
  { description: "Whether a server works: its event loop and its two stores." },
);

export const MethodDescription = Type.Object(
  {
    name: Type.String({ description: 'Without its service, as in "signIn".' }),
    number: Type.Integer({ description: "Its identity on the wire." }),
    hash: Type.String({
      description: "Digest of its shape, as in HELLO: with it, it can be called.",
    }),
    summary: Type.String({ description: "One sentence." }),
    idempotent: Type.Boolean({ description: "Whether it is safe to send twice." }),
    errors: Type.Array(Type.String(), {
      description: "What it may answer beside its reply; DataBaseError goes without saying.",
    }),
    request: Type.Unknown({ description: "The JSON Schema of the request." }),
    reply: Type.Unknown({ description: "The JSON Schema of the reply." }),
  },
  { description: "One method, with all that is needed to call it." },
);

export const ServiceDescription = Type.Object(
  {
    service: Type.String(),
    methods: Type.Array(MethodDescription),
  },
  { description: "One service with its methods." },
);

export const Description = Type.Object(
  { services: Type.Array(ServiceDescription) },
  { description: "All that a server offers." },
);

export const Quantiles = Type.Object(
  { p50: Milliseconds, p90: Milliseconds, p99: Milliseconds },
  { description: "The times in ms that 50, 90 and 99 % of the calls stayed within." },
);

export const MethodStats = Type.Object(
  {
    method: Type.String({ description: "Service.method" }),
    calls: Type.Integer({ minimum: 0, description: "All that ended, whatever way." }),
    errors: Type.Record(Type.String(), Count, {
      additionalProperties: false,
      description: "Error or RPC status → calls that ended with it.",
    }),
    inFlight: Type.Integer({ minimum: 0, description: "Calls that have not ended." }),
    latencyMs: Type.Union([Quantiles, Type.Null()], {
      description: "Of the calls that ended, within 5 %; null where none has.",
    }),
  },
  { description: "How the calls of one method went since the server's start." },
);

export const Stats = Type.Object(
  {
    uptimeMs: Type.Number({ minimum: 0, description: "Since the server's start." }),
    openConnections: Type.Integer({ minimum: 0, description: "Of all clients, now." }),
    methods: Type.Array(MethodStats, {
      description: "Of the methods that were called since the start.",
    }),
  },
  { description: "What a server has done since its start." },
);

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
