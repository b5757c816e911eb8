import { isDomainErrorName } from "../../schema/errors.ts";
import { type MethodDescription, type ServiceDescription, SystemClient } from "../gen/system.ts";
import type { JsonObject } from "../rpc/json.ts";
import type { Caller, CallOptions, Method, Validator } from "../rpc/method.ts";

/** The server checks the request by its own schema, and whoever reads the reply sees what it is. */
const ANYTHING: Validator<unknown> = {
  Check: (_value): _value is unknown => true,
  Errors: () => ({ First: () => undefined }),
  Schema: () => ({}),
};

/** A server of which nothing is known but what it tells. One deadline spans all questions. */
export class LiveServer {
  readonly #caller: Caller;
  readonly #requestId: string;
  readonly #deadline: number;

  /**
   * @param requestId to find the calls by in the server's log
   * @param deadline on the clock of `performance.now()`
   */
  constructor(caller: Caller, requestId: string, deadline: number) {
    this.#caller = caller;
    this.#requestId = requestId;
    this.#deadline = deadline;
  }

  async describe(): Promise<readonly ServiceDescription[]> {
    const system = new SystemClient(this.#caller);
    return (await system.describe({}, this.#options())).services;
  }

  /** @throws what `Caller.call` does */
  call(service: string, description: MethodDescription, request: JsonObject): Promise<unknown> {
    const { name, errors, ...rest } = description;
    const method: Method<unknown, unknown> = {
      ...rest,
      name: `${service}.${name}`,
      errors: errors.filter(isDomainErrorName).filter((error) => error !== "DataBaseError"),
      request: ANYTHING,
      reply: ANYTHING,
    };
    return this.#caller.call(method, request, this.#options());
  }

  remainingMs(): number {
    return this.#deadline - performance.now();
  }

  #options(): CallOptions {
    return { timeoutMs: this.remainingMs(), requestId: this.#requestId };
  }
}
