import { Durations } from "../../rpc/durations.ts";
import type { Distribution } from "./spec.ts";

/** Kinds of errors that are told apart for one operation; others are "_OTHER". */
const MAX_ERROR_TYPES = 8;
const OTHER = "_OTHER"; // OpenTelemetry's name for an error that is not known.

class Operation {
  readonly system: string;
  readonly name: string;
  /** By the type of the error; "" for success. */
  readonly byError = new Map<string, Durations>([["", new Durations()]]);

  constructor(system: string, name: string) {
    this.system = system;
    this.name = name;
  }

  add(error: unknown, ms: number): void {
    const type = error === undefined ? "" : this.#known(typeOf(error));
    const durations = this.byError.get(type) ?? new Durations();
    durations.add(ms);
    this.byError.set(type, durations);
  }

  #known(type: string): string {
    return this.byError.has(type) || this.byError.size <= MAX_ERROR_TYPES ? type : OTHER;
  }
}

/** The operations of databases by their names and errors. */
export class OperationDurations {
  /** By name, and then by database. */
  readonly #operations = new Map<string, Map<string, Operation>>();

  /** @param error of the driver; undefined if the operation has succeeded */
  add(system: string, name: string, error: unknown, ms: number): void {
    const operation = this.#operations.get(name)?.get(system) ?? this.#first(system, name);
    operation.add(error, ms);
  }

  *distributions(): Generator<Distribution> {
    for (const operation of this.#operations.values().flatMap((systems) => systems.values())) {
      const of = { db_system_name: operation.system, db_operation_name: operation.name };
      for (const [error_type, durations] of operation.byError) {
        yield { labels: error_type === "" ? of : { ...of, error_type }, durations };
      }
    }
  }

  #first(system: string, name: string): Operation {
    const systems = this.#operations.get(name) ?? new Map<string, Operation>();
    const operation = new Operation(system, name);
    this.#operations.set(name, systems.set(system, operation));
    return operation;
  }
}

/** The code of a driver's error, such as ECONNREFUSED or ER_LOCK_DEADLOCK, or the error's name. */
function typeOf(error: unknown): string {
  if (!(error instanceof Error)) return OTHER;
  if (/no answer within|timed out/i.test(error.message)) return "timeout";
  const code = "code" in error ? error.code : undefined;
  return typeof code === "string" && code !== "" ? code : error.name;
}
