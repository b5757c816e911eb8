// @generated from schema/system.ts by `bun run codegen`. Edit the schema, not this file.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import * as schema from "../../schema/system.ts";
import type { Validator } from "../rpc/call.ts";

export interface Description {
  readonly services: readonly ServiceDescription[];
}

export const Description: Validator<Description> = TypeCompiler.Compile(schema.Description);

export interface Health {
  readonly server: PartHealth;
  readonly users: PartHealth;
  readonly sessions: PartHealth;
}

export const Health: Validator<Health> = TypeCompiler.Compile(schema.Health);

export interface MethodDescription {
  readonly name: string;
  /** Its identity on the wire. */
  readonly number: number;
  /** Digest of its shape, as in HELLO: with it, it can be called. */
  readonly hash: string;
  readonly summary: string;
  readonly idempotent: boolean;
  /** What it may answer beside its reply; DataBaseError goes without saying. */
  readonly errors: readonly string[];
  /** The JSON Schema of the request. */
  readonly request: unknown;
  /** The JSON Schema of the reply. */
  readonly reply: unknown;
}

export const MethodDescription: Validator<MethodDescription> = TypeCompiler.Compile(
  schema.MethodDescription,
);

export interface MethodStats {
  /** Service.method */
  readonly method: string;
  /** All that ended, whatever way. */
  readonly calls: number;
  /** Error or RPC status → calls that ended with it. */
  readonly errors: Readonly<Record<string, number>>;
  readonly inFlight: number;
  /** Of the calls that ended, within 5 %; null where none has. */
  readonly latencyMs: Quantiles | null;
}

export const MethodStats: Validator<MethodStats> = TypeCompiler.Compile(schema.MethodStats);

export type Nothing = Record<string, never>;

export const Nothing: Validator<Nothing> = TypeCompiler.Compile(schema.Nothing);

export interface PartHealth {
  /** What it is, as in "MySQL". */
  readonly name: string;
  readonly state: "up" | "down";
  /** How long it took to answer, or to be given up. */
  readonly latencyMs: number;
}

export const PartHealth: Validator<PartHealth> = TypeCompiler.Compile(schema.PartHealth);

export interface Quantiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

export const Quantiles: Validator<Quantiles> = TypeCompiler.Compile(schema.Quantiles);

export interface ServiceDescription {
  readonly service: string;
  readonly methods: readonly MethodDescription[];
}

export const ServiceDescription: Validator<ServiceDescription> = TypeCompiler.Compile(
  schema.ServiceDescription,
);

export interface Stats {
  readonly uptimeMs: number;
  readonly openConnections: number;
  /** Of the methods that were called since the start. */
  readonly methods: readonly MethodStats[];
}

export const Stats: Validator<Stats> = TypeCompiler.Compile(schema.Stats);
