import distance from "leven";
import type { MethodDescription, ServiceDescription } from "../gen/system.ts";
import { UsageError } from "./usage.ts";

/** What a name on the command line stands for: a service, or one of its methods. */
export interface Entry {
  readonly service: ServiceDescription;
  readonly method: MethodDescription | undefined;
}

/**
 * Find `Service` or `Service.method` in what a server offers.
 * @throws {UsageError} there is none, with what was perhaps meant
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

/** The name that differs least, be it written with its service or without. */
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
