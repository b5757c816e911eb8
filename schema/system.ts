import { Type } from "@sinclair/typebox";
import { contract } from "./contract.ts";

const Count = Type.Integer({ minimum: 0 });
const Milliseconds = Type.Number({ minimum: 0 });

export const Nothing = Type.Object(
  {},
  { description: "The request of a method that needs no input." },
);

export const PartHealth = Type.Object(
  {
    name: Type.String({ description: 'The database, as in "MySQL", or "Portico".' }),
    state: Type.Union([Type.Literal("up"), Type.Literal("down")], {
      description: "Whether it answered in time. The server logs why not.",
    }),
    latencyMs: Type.Number({
      minimum: 0,
      description: "The time until it answered, or until the server gave up.",
    }),
  },
  { description: "Whether one part of a server works, checked for this call." },
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
      description: "Digest of its shape, as in HELLO. A client needs it to call the method.",
    }),
    summary: Type.String({ description: "One sentence." }),
    idempotent: Type.Boolean({ description: "Whether it is safe to send twice." }),
    errors: Type.Array(Type.String(), {
      description: "The errors that it declares. Every method can also return DataBaseError.",
    }),
    callers: Type.Optional(
      Type.Array(Type.String(), {
        description: "The callers that may call it. Absent if every caller may.",
      }),
    ),
    request: Type.Unknown({ description: "The JSON Schema of the request." }),
    reply: Type.Unknown({ description: "The JSON Schema of the reply." }),
  },
  { description: "One method, with everything that a client needs to call it." },
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
  { description: "The services of a server." },
);

export const Quantiles = Type.Object(
  { p50: Milliseconds, p90: Milliseconds, p99: Milliseconds },
  { description: "The time in ms within which 50, 90 and 99 % of the calls ended." },
);

export const MethodStats = Type.Object(
  {
    method: Type.String({ description: "Service.method" }),
    calls: Type.Integer({ minimum: 0, description: "Calls that ended, with a reply or an error." }),
    errors: Type.Record(Type.String(), Count, {
      additionalProperties: false,
      description: "Calls that ended with an error, by its name or RPC status.",
    }),
    inFlight: Type.Integer({ minimum: 0, description: "Calls that have not ended." }),
    latencyMs: Type.Union([Quantiles, Type.Null()], {
      description: "Latency of the calls that ended, within 5 %; null if there are none.",
    }),
  },
  { description: "The calls of one method since the server's start." },
);

export const Stats = Type.Object(
  {
    uptimeMs: Type.Number({ minimum: 0, description: "Since the server's start." }),
    openConnections: Type.Integer({ minimum: 0, description: "Open connections of all clients." }),
    methods: Type.Array(MethodStats, {
      description: "The methods that were called since the start.",
    }),
  },
  { description: "Statistics of a server since its start." },
);

export const SystemContract = contract("System", {
  health: {
    number: 60001,
    summary: "Check whether the server and its stores work.",
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
