import type { TSchema } from "@sinclair/typebox";
import type { DeclaredErrorName } from "./errors.ts";

/** One method of a service, as its author declares it. */
export interface MethodSpec {
  /**
   * Identity on the wire, 1 to 65535, unique over all contracts: never renumber, never reuse.
   * codegen/contract.lock.json records it, and codegen refuses what breaks clients of it.
   */
  readonly number: number;
  /** One sentence; becomes the doc comment of the emitted stub. */
  readonly summary: string;
  /** Safe to send twice. Only reads are: an update tried again could overtake a later one. */
  readonly idempotent?: boolean;
  /** A message exported by the file of the contract: its export's name is its type's name. */
  readonly request: TSchema;
  readonly reply: TSchema;
  /** What it may answer beside its reply. DataBaseError goes without saying. */
  readonly errors: readonly DeclaredErrorName[];
}

export interface Contract {
  readonly service: string;
  readonly methods: Readonly<Record<string, MethodSpec>>;
}

/** Declare a service. `bun run codegen` checks it and emits the client stub and dispatch table. */
export function contract(service: string, methods: Contract["methods"]): Contract {
  return { service, methods };
}
