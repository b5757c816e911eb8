import type { MethodDescription, ServiceDescription } from "../gen/system-messages.ts";
import { UsageError } from "./arguments.ts";

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
      edits: Math.min(...spellings.map((each) => editsBetween(target, each))),
    }))
    .toSorted((one, other) => one.edits - other.edits);
  const [best] = ranked;
  return best && best.edits <= Math.max(2, best.name.length / 3) ? best.name : undefined;
}

/** Letters to insert, delete or replace (Levenshtein), whatever their case. */
function editsBetween(one: string, other: string): number {
  const letters = [...other.toLowerCase()];
  let row = Array.from({ length: letters.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...one.toLowerCase()].entries()) {
    const next = [index + 1];
    for (const [column, otherLetter] of letters.entries()) {
      const [corner = 0, above = 0] = row.slice(column, column + 2);
      const replaced = corner + (letter === otherLetter ? 0 : 1);
      next.push(Math.min(replaced, above + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
