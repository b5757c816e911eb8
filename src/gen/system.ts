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

/** The services of a server. From `Description` in schema/system.ts. */
export interface Description {
  readonly services: readonly ServiceDescription[];
}

/** The check of `Description` in schema/system.ts. */
export const Description: Validator<Description> = TypeCompiler.Compile(schema.Description);

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

/**
 * Whether one part of a server works, checked for this call.
 * From `PartHealth` in schema/system.ts.
 */
export interface PartHealth {
  /** The database, as in "MySQL", or "Portico". */
  readonly name: string;
  /** Whether it answered in time. The server logs why not. */
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
}

/** What a server of System does. From `SystemContract` in schema/system.ts. */
export interface SystemService {
  /** Check whether the server and its stores work. */
  health(request: Nothing, context: CallContext<never>): Promise<Health>;

  /** List the services of the server with their methods and JSON Schemas. */
  describe(request: Nothing, context: CallContext<never>): Promise<Description>;

  /** Count calls and errors and time each method, since the server's start. */
  stats(request: Nothing, context: CallContext<never>): Promise<Stats>;
}

/** What a Listener runs for each call of System. From `SystemContract` in schema/system.ts. */
export function systemDispatch(service: SystemService): DispatchTable {
  return dispatchTable(service, [
    entry(HEALTH, (request, context) => service.health(request, context)),
    entry(DESCRIBE, (request, context) => service.describe(request, context)),
    entry(STATS, (request, context) => service.stats(request, context)),
  ]);
}
