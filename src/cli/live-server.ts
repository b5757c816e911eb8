import distance from "leven";
import { isDeclaredErrorName } from "../../schema/errors.ts";
import { type MethodDescription, type ServiceDescription, SystemClient } from "../gen/system.ts";
import type { JsonObject } from "../rpc/json.ts";
import type { Caller, CallOptions, Method, Validator } from "../rpc/method.ts";
import { UsageError } from "./usage.ts";

/** Accepts every message: the server validates the request, and the reply is only printed. */
const ANYTHING: Validator<unknown> = {
  Check: (_value): _value is unknown => true,
  Errors: () => ({ First: () => undefined }),
  Schema: () => ({}),
};

/**
 * A server that is known only by what it describes of itself. One deadline covers all calls to it.
 */
export class LiveServer {
  readonly #caller: Caller;
  readonly #requestId: string;
  readonly #deadline: number;

  /**
   * @param requestId identifies the calls in the server's log
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

  /** @throws the errors of `Caller.call` */
  call(service: string, description: MethodDescription, request: JsonObject): Promise<unknown> {
    const { name, errors, ...rest } = description;
    const method: Method<unknown, unknown> = {
      ...rest,
      name: `${service}.${name}`,
      errors: errors.filter(isDeclaredErrorName),
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

/** A service, or one of its methods. */
export interface Entry {
  readonly service: ServiceDescription;
  readonly method: MethodDescription | undefined;
}

/**
 * Find `Service` or `Service.method` among the services of a server.
 * @throws {UsageError} not found; suggests a similar name
 */
export function findEntry(services: readonly ServiceDescription[], target: string): Entry {
  const [serviceName = "", ...rest] = target.split(".");
  const methodName = rest.join(".");
  const service = services.find((each) => each.service === serviceName);
  const method = service?.methods.find(({ name }) => name === methodName);
  if (service && (method || rest.length === 0)) return { service, method };
  const meant = nearest(target, services);
  if (meant) throw new UsageError(`Cannot find ${target}: did you mean ${meant}?`);
  const known = service
    ? `${serviceName} has ${service.methods.map(({ name }) => name).join(", ")}`
    : `the server has ${services.map((each) => each.service).join(", ")}`;
  throw new UsageError(`Cannot find ${target}: ${known}`);
}

/** The most similar name, compared with and without its service. */
function nearest(target: string, services: readonly ServiceDescription[]): string | undefined {
  const names = services.flatMap(({ service, methods }) => [
    { name: service, spellings: [service] },
    ...methods.map((method) => {
      const name = `${service}.${method.name}`;
      return { name, spellings: [name, method.name] };
    }),
  ]);
  const ranked = names
    .map(({ name, spellings }) => ({
      name,
      edits: Math.min(...spellings.map((each) => distance(target, each))),
    }))
    .toSorted((one, other) => one.edits - other.edits);
  const [best] = ranked;
  return best && best.edits <= Math.max(2, best.name.length / 3) ? best.name : undefined;
}
