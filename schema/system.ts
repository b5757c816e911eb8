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
      description:
        "Whether it answered in time. A server about to end is down, too. The log says why.",
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

export const RequestRef = Type.Object(
  {
    requestId: Type.String({
      minLength: 1,
      maxLength: 128,
      description: "As in X-Request-Id and in the lines of the log.",
    }),
  },
  { description: "Names a request of a browser, or a call." },
);

export const Step = Type.Object(
  {
    name: Type.String({ maxLength: 64, description: 'Such as "reading the body".' }),
    ms: Milliseconds,
  },
  { description: "How long a request was in one of its steps." },
);

export const Operation = Type.Object(
  {
    system: Type.String({ description: '"mysql", "redis" or "sqlite".' }),
    name: Type.String({ description: 'Such as "read user".' }),
    ms: Type.Number({ minimum: 0, description: "Until it ended, or until the record was made." }),
    error: Type.Optional(
      Type.String({ description: "Its code, if it failed; absent if it did not." }),
    ),
    isOver: Type.Boolean({ description: "False if it still ran when the record was made." }),
  },
  { description: "An operation of a database that was slow or failed." },
);

export const CallRecord = Type.Object(
  {
    tier: Type.Union([Type.Literal("http"), Type.Literal("tcp")]),
    process: Type.Integer({ minimum: 0, description: "The process id in its host." }),
    requestId: Type.String({ maxLength: 128 }),
    at: Type.String({ maxLength: 32, description: "When it began, as in the log." }),
    what: Type.String({
      maxLength: 128,
      description: "Method and route in the HTTP tier, Service.method in the TCP tier.",
    }),
    outcome: Type.String({ maxLength: 64, description: 'Such as "status 503" or "done".' }),
    reason: Type.Optional(Type.String({ maxLength: 1000, description: "Why it failed." })),
    ms: Type.Number({ minimum: 0, description: "How long it took." }),
    steps: Type.Array(Step, { maxItems: 50, description: "Where the time went." }),
    operations: Type.Array(Operation, {
      maxItems: 20,
      description: "What was slow or failed in the databases at that time, maybe for other calls.",
    }),
  },
  { description: "A slow or failed request of the HTTP tier, or a call of the TCP tier." },
);

export const Explanation = Type.Object(
  {
    records: Type.Array(CallRecord, { description: "Oldest first; empty if there are none." }),
    kept: Type.Integer({ minimum: 0, description: "The records that the server keeps." }),
    maxKept: Type.Integer({ minimum: 0, description: "The most that it keeps." }),
    since: Type.String({ description: "When the oldest of them was kept, else the start." }),
  },
  { description: "What a server knows of a request." },
);

export const Report = Type.Object(
  { records: Type.Array(CallRecord, { maxItems: 200 }) },
  { description: "Slow and failed requests of an HTTP tier." },
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
  explain: {
    number: 60004,
    summary:
      "Tell what is known of a slow or failed request: where its time went, and why it failed.",
    idempotent: true,
    request: RequestRef,
    reply: Explanation,
    errors: [],
    // Every caller may ask: it must know the id, and a record names no user.
  },
  report: {
    number: 60005,
    summary: "Keep the slow and failed requests of an HTTP tier for System.explain.",
    request: Report,
    reply: Nothing,
    errors: [],
    callers: ["http"],
  },
});
