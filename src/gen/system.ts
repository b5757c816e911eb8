// @generated from schema/system.ts by `bun run codegen`. Edit the schema, not this file.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import * as schema from "../../schema/system.ts";
import {
  type CallContext,
  type Caller,
  type CallOptions,
  type DispatchTable,
  dispatchTable,
  entry,
  type Method,
  type Validator,
} from "../rpc/method.ts";

/**
 * A slow or failed request of the HTTP tier, or a call of the TCP tier.
 * From `CallRecord` in schema/system.ts.
 */
export interface CallRecord {
  readonly tier: "http" | "tcp";
  /** The process id in its host. */
  readonly process: number;
  readonly requestId: string;
  /** When it began, as in the log. */
  readonly at: string;
  /** Method and route in the HTTP tier, Service.method in the TCP tier. */
  readonly what: string;
  /** Such as "status 503" or "done". */
  readonly outcome: string;
  /** Why it failed. */
  readonly reason?: string;
  /** How long it took. */
  readonly ms: number;
  /** Where the time went. */
  readonly steps: readonly Step[];
  /** What was slow or failed in the databases at that time, maybe for other calls. */
  readonly operations: readonly Operation[];
}

/** The check of `CallRecord` in schema/system.ts. */
export const CallRecord: Validator<CallRecord> = TypeCompiler.Compile(schema.CallRecord);

/** The services of a server. From `Description` in schema/system.ts. */
export interface Description {
  readonly services: readonly ServiceDescription[];
}

/** The check of `Description` in schema/system.ts. */
export const Description: Validator<Description> = TypeCompiler.Compile(schema.Description);

/** What a server knows of a request. From `Explanation` in schema/system.ts. */
export interface Explanation {
  /** Oldest first; empty if there are none. */
  readonly records: readonly CallRecord[];
  /** The records that the server keeps. */
  readonly kept: number;
  /** The most that it keeps. */
  readonly maxKept: number;
  /** When the oldest of them was kept, else the start. */
  readonly since: string;
}

/** The check of `Explanation` in schema/system.ts. */
export const Explanation: Validator<Explanation> = TypeCompiler.Compile(schema.Explanation);

/** Whether a server works: its event loop and its two stores. From `Health` in schema/system.ts. */
export interface Health {
  readonly server: PartHealth;
  readonly users: PartHealth;
  readonly sessions: PartHealth;
}

/** The check of `Health` in schema/system.ts. */
export const Health: Validator<Health> = TypeCompiler.Compile(schema.Health);

/**
 * One method, with everything that a client needs to call it.
 * From `MethodDescription` in schema/system.ts.
 */
export interface MethodDescription {
  /** Without its service, as in "signIn". */
  readonly name: string;
  /** Its identity on the wire. */
  readonly number: number;
  /** Digest of its shape, as in HELLO. A client needs it to call the method. */
  readonly hash: string;
  /** One sentence. */
  readonly summary: string;
  /** Whether it is safe to send twice. */
  readonly idempotent: boolean;
  /** The errors that it declares. Every method can also return DataBaseError. */
  readonly errors: readonly string[];
  /** The callers that may call it. Absent if every caller may. */
  readonly callers?: readonly string[];
  /** The JSON Schema of the request. */
  readonly request: unknown;
  /** The JSON Schema of the reply. */
  readonly reply: unknown;
}

/** The check of `MethodDescription` in schema/system.ts. */
export const MethodDescription: Validator<MethodDescription> = TypeCompiler.Compile(
  schema.MethodDescription,
);

/** The calls of one method since the server's start. From `MethodStats` in schema/system.ts. */
export interface MethodStats {
  /** Service.method */
  readonly method: string;
  /** Calls that ended, with a reply or an error. */
  readonly calls: number;
  /** Calls that ended with an error, by its name or RPC status. */
  readonly errors: Readonly<Record<string, number>>;
  /** Calls that have not ended. */
  readonly inFlight: number;
  /** Latency of the calls that ended, within 5 %; null if there are none. */
  readonly latencyMs: Quantiles | null;
}

/** The check of `MethodStats` in schema/system.ts. */
export const MethodStats: Validator<MethodStats> = TypeCompiler.Compile(schema.MethodStats);

/** The request of a method that needs no input. From `Nothing` in schema/system.ts. */
export type Nothing = Record<string, never>;

/** The check of `Nothing` in schema/system.ts. */
export const Nothing: Validator<Nothing> = TypeCompiler.Compile(schema.Nothing);

/** An operation of a database that was slow or failed. From `Operation` in schema/system.ts. */
export interface Operation {
  /** "mysql", "redis" or "sqlite". */
  readonly system: string;
  /** Such as "read user". */
  readonly name: string;
  /** Until it ended, or until the record was made. */
  readonly ms: number;
  /** Its code, if it failed; absent if it did not. */
  readonly error?: string;
  /** False if it still ran when the record was made. */
  readonly isOver: boolean;
}

/** The check of `Operation` in schema/system.ts. */
export const Operation: Validator<Operation> = TypeCompiler.Compile(schema.Operation);

/**
 * Whether one part of a server works, checked for this call.
 * From `PartHealth` in schema/system.ts.
 */
export interface PartHealth {
  /** The database, as in "MySQL", or "Portico". */
  readonly name: string;
  /** Whether it answered in time. A server about to end is down, too. The log says why. */
  readonly state: "up" | "down";
  /** The time until it answered, or until the server gave up. */
  readonly latencyMs: number;
}

/** The check of `PartHealth` in schema/system.ts. */
export const PartHealth: Validator<PartHealth> = TypeCompiler.Compile(schema.PartHealth);

/**
 * The time in ms within which 50, 90 and 99 % of the calls ended.
 * From `Quantiles` in schema/system.ts.
 */
export interface Quantiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** The check of `Quantiles` in schema/system.ts. */
export const Quantiles: Validator<Quantiles> = TypeCompiler.Compile(schema.Quantiles);

/** Slow and failed requests of an HTTP tier. From `Report` in schema/system.ts. */
export interface Report {
  readonly records: readonly CallRecord[];
}

/** The check of `Report` in schema/system.ts. */
export const Report: Validator<Report> = TypeCompiler.Compile(schema.Report);

/** Names a request of a browser, or a call. From `RequestRef` in schema/system.ts. */
export interface RequestRef {
  /** As in X-Request-Id and in the lines of the log. */
  readonly requestId: string;
}

/** The check of `RequestRef` in schema/system.ts. */
export const RequestRef: Validator<RequestRef> = TypeCompiler.Compile(schema.RequestRef);

/** One service with its methods. From `ServiceDescription` in schema/system.ts. */
export interface ServiceDescription {
  readonly service: string;
  readonly methods: readonly MethodDescription[];
}

/** The check of `ServiceDescription` in schema/system.ts. */
export const ServiceDescription: Validator<ServiceDescription> = TypeCompiler.Compile(
  schema.ServiceDescription,
);

/** Statistics of a server since its start. From `Stats` in schema/system.ts. */
export interface Stats {
  /** Since the server's start. */
  readonly uptimeMs: number;
  /** Open connections of all clients. */
  readonly openConnections: number;
  /** The methods that were called since the start. */
  readonly methods: readonly MethodStats[];
}

/** The check of `Stats` in schema/system.ts. */
export const Stats: Validator<Stats> = TypeCompiler.Compile(schema.Stats);

/** How long a request was in one of its steps. From `Step` in schema/system.ts. */
export interface Step {
  /** Such as "reading the body". */
  readonly name: string;
  readonly ms: number;
}

/** The check of `Step` in schema/system.ts. */
export const Step: Validator<Step> = TypeCompiler.Compile(schema.Step);

/**
 * Check whether the server and its stores work.
 * From `SystemContract.health` in schema/system.ts.
 */
export const HEALTH: Method<Nothing, Health, never> = {
  name: "System.health",
  summary: "Check whether the server and its stores work.",
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
  hash: "cc4fda1f44f88fe0",
  olderHashes: ["ed657f271abeb5a8"],
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

/**
 * Tell what is known of a slow or failed request: where its time went, and why it failed.
 * From `SystemContract.explain` in schema/system.ts.
 */
export const EXPLAIN: Method<RequestRef, Explanation, never> = {
  name: "System.explain",
  summary:
    "Tell what is known of a slow or failed request: where its time went, and why it failed.",
  number: 60004,
  hash: "456c7df030dacd53",
  idempotent: true,
  errors: [],
  request: RequestRef,
  reply: Explanation,
};

/**
 * Keep the slow and failed requests of an HTTP tier for System.explain.
 * From `SystemContract.report` in schema/system.ts.
 */
export const REPORT: Method<Report, Nothing, never> = {
  name: "System.report",
  summary: "Keep the slow and failed requests of an HTTP tier for System.explain.",
  number: 60005,
  hash: "84d6be1ca17c59be",
  idempotent: false,
  errors: [],
  callers: ["http"],
  request: Report,
  reply: Nothing,
};

/** Calls the methods of System. From `SystemContract` in schema/system.ts. */
export class SystemClient {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Check whether the server and its stores work. */
  health(request: Nothing, options?: CallOptions): Promise<Health> {
    return this.#caller.call(HEALTH, request, options);
  }

  /** List the services of the server with their methods and JSON Schemas. */
  describe(request: Nothing, options?: CallOptions): Promise<Description> {
    return this.#caller.call(DESCRIBE, request, options);
  }

  /** Count calls and errors and time each method, since the server's start. */
  stats(request: Nothing, options?: CallOptions): Promise<Stats> {
    return this.#caller.call(STATS, request, options);
  }

  /** Tell what is known of a slow or failed request: where its time went, and why it failed. */
  explain(request: RequestRef, options?: CallOptions): Promise<Explanation> {
    return this.#caller.call(EXPLAIN, request, options);
  }

  /** Keep the slow and failed requests of an HTTP tier for System.explain. Callers: http. */
  report(request: Report, options?: CallOptions): Promise<Nothing> {
    return this.#caller.call(REPORT, request, options);
  }
}

/** What a server of System does. From `SystemContract` in schema/system.ts. */
export interface SystemService {
  /** Check whether the server and its stores work. */
  health(request: Nothing, context: CallContext<never>): Promise<Health>;

  /** List the services of the server with their methods and JSON Schemas. */
  describe(request: Nothing, context: CallContext<never>): Promise<Description>;

  /** Count calls and errors and time each method, since the server's start. */
  stats(request: Nothing, context: CallContext<never>): Promise<Stats>;

  /** Tell what is known of a slow or failed request: where its time went, and why it failed. */
  explain(request: RequestRef, context: CallContext<never>): Promise<Explanation>;

  /** Keep the slow and failed requests of an HTTP tier for System.explain. Callers: http. */
  report(request: Report, context: CallContext<never>): Promise<Nothing>;
}

/** What a Listener runs for each call of System. From `SystemContract` in schema/system.ts. */
export function systemDispatch(service: SystemService): DispatchTable {
  return dispatchTable(service, [
    entry(HEALTH, (request, context) => service.health(request, context)),
    entry(DESCRIBE, (request, context) => service.describe(request, context)),
    entry(STATS, (request, context) => service.stats(request, context)),
    entry(EXPLAIN, (request, context) => service.explain(request, context)),
    entry(REPORT, (request, context) => service.report(request, context)),
  ]);
}
