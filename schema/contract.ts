import type { TSchema } from "@sinclair/typebox";
import type { DeclaredErrorName } from "./errors.ts";

/** One method of a service, written by its author. */
export interface MethodSpec {
  /**
   * Identity on the wire, 1 to 65535, unique over all contracts: never renumber, never reuse.
   * codegen/contract.lock.json records it, and codegen refuses changes that break its clients.
   */
  readonly number: number;
  /** One sentence: the doc comment of the emitted client's function. */
  readonly summary: string;
  /** Safe to send twice. Only reads are: a repeated update could overtake a later one. */
  readonly idempotent?: boolean;
  /** A message that the file of the contract exports. Its type has the name of the export. */
  readonly request: TSchema;
  readonly reply: TSchema;
  /** The errors that the method can return instead. Every method can also return DataBaseError. */
  readonly errors: readonly DeclaredErrorName[];
  /** Replaces the callers of the contract for this method. */
  readonly callers?: readonly string[];
}

interface ContractOptions {
  /**
   * The callers that may call the methods, by their names in RPC_TOKENS. Default: every caller. The
   * server refuses the others with `permission_denied` before it reads the request.
   */
  readonly callers?: readonly string[];
}

export interface Contract extends ContractOptions {
  readonly service: string;
  readonly methods: Readonly<Record<string, MethodSpec>>;
}

/** Declare a service. `bun run codegen` checks it, and emits its client and dispatch table. */
export function contract(
  service: string,
  methods: Contract["methods"],
  options: ContractOptions = {},
): Contract {
  return { ...options, service, methods };
}
