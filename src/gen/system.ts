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

/** All that a server offers. From `Description` in schema/system.ts. */
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

/** One method, with all that is needed to call it. From `MethodDescription` in schema/system.ts. */
export interface MethodDescription {
  /** Without its service, as in "signIn". */
  readonly name: string;
  /** Its identity on the wire. */
  readonly number: number;
  /** Digest of its shape, as in HELLO: with it, it can be called. */
  readonly hash: string;
  /** One sentence. */
  readonly summary: string;
  /** Whether it is safe to send twice. */
  readonly idempotent: boolean;
  /** What it may answer beside its reply; DataBaseError goes without saying. */
  readonly errors: readonly string[];
  /** The JSON Schema of the request. */
  readonly request: unknown;
  /** The JSON Schema of the reply. */
  readonly reply: unknown;
}

/** The check of `MethodDescription` in schema/system.ts. */
export const MethodDescription: Validator<MethodDescription> = TypeCompiler.Compile(
  schema.MethodDescription,
);

/**
 * How the calls of one method went since the server's start.
 * From `MethodStats` in schema/system.ts.
 */
export interface MethodStats {
  /** Service.method */
  readonly method: string;
  /** All that ended, whatever way. */
  readonly calls: number;
  /** Error or RPC status → calls that ended with it. */
  readonly errors: Readonly<Record<string, number>>;
  /** Calls that have not ended. */
  readonly inFlight: number;
  /** Of the calls that ended, within 5 %; null where none has. */
  readonly latencyMs: Quantiles | null;
}

/** The check of `MethodStats` in schema/system.ts. */
export const MethodStats: Validator<MethodStats> = TypeCompiler.Compile(schema.MethodStats);

/** The method says it all. From `Nothing` in schema/system.ts. */
export type Nothing = Record<string, never>;

/** The check of `Nothing` in schema/system.ts. */
export const Nothing: Validator<Nothing> = TypeCompiler.Compile(schema.Nothing);

/**
 * Whether one part of a server works, as it was asked just now.
 * From `PartHealth` in schema/system.ts.
 */
export interface PartHealth {
  /** What it is, as in "MySQL". */
  readonly name: string;
  /** Whether it answered in time; why not is in the server's log. */
  readonly state: "up" | "down";
  /** How long it took to answer, or to be given up. */
  readonly latencyMs: number;
}

/** The check of `PartHealth` in schema/system.ts. */
export const PartHealth: Validator<PartHealth> = TypeCompiler.Compile(schema.PartHealth);

/**
 * The times in ms that 50, 90 and 99 % of the calls stayed within.
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

/** What a server has done since its start. From `Stats` in schema/system.ts. */
export interface Stats {
  /** Since the server's start. */
  readonly uptimeMs: number;
  /** Of all clients, now. */
  readonly openConnections: number;
  /** Of the methods that were called since the start. */
  readonly methods: readonly MethodStats[];
}

/** The check of `Stats` in schema/system.ts. */
export const Stats: Validator<Stats> = TypeCompiler.Compile(schema.Stats);

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

/** Calls the methods of System. From `SystemContract` in schema/system.ts. */
export class SystemClient {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Tell whether the server and its stores work, asking each store now. */
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
  /** Tell whether the server and its stores work, asking each store now. */
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
