// @generated from schema/system.ts by `bun run codegen`. Edit the schema, not this file.
import type { Caller, CallOptions } from "../rpc/method.ts";
import type { Description, Health, Nothing, Stats } from "./system-messages.ts";
import { DESCRIBE, HEALTH, STATS } from "./system-methods.ts";

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
