import { ERRORS } from "../../schema/errors.ts";
import type { MethodDescription, ServiceDescription } from "../gen/system.ts";
import { exampleOf, fieldsOf, shapeOf } from "./json-schema.ts";
import { table, wrap } from "./layout.ts";

/** Services with their methods: number, signature, summary and errors of each. */
export function listServices(services: readonly ServiceDescription[]): string {
  return services
    .map(({ service, methods }) => {
      const width = Math.max(0, ...methods.map(({ number }) => `${number}`.length));
      return [service, ...methods.map((method) => listMethod(method, width))].join("\n\n");
    })
    .join("\n\n\n");
}

function listMethod(
  { name, number, summary, errors, ...method }: MethodDescription,
  width: number,
): string {
  const start = `  ${`${number}`.padStart(width)}  `;
  const indent = " ".repeat(start.length);
  const signature = `${name}(${shapeOf(method.request)}) → ${shapeOf(method.reply)}`;
  return [
    wrap(signature, start, `${indent}  `),
    wrap(summary, indent),
    ...(errors.length > 0 ? [wrap(`Errors: ${errors.join(", ")}`, indent)] : []),
  ].join("\n");
}

/** All that there is to know of one method, and how to call it. */
export function describeMethod(service: string, method: MethodDescription): string {
  const { name, number, summary, idempotent, errors } = method;
  const example = JSON.stringify(exampleOf(method.request));
  const argument = example === "{}" ? "" : ` '${example.replaceAll("'", "'\\''")}'`;
  const nature = idempotent
    ? "Idempotent: tried again by itself where a server or a connection is lost."
    : "Not idempotent: tried again by itself only where it has certainly not run.";
  const errorRows = [...errors, "DataBaseError"].map((error) => [codeOf(error), error]);
  return [
    wrap(`${service}.${name} (method ${number}): ${summary}`, ""),
    wrap(nature, ""),
    "",
    "Request",
    fieldTable(method.request),
    "",
    "Reply",
    fieldTable(method.reply),
    "",
    "Errors",
    table(errorRows, "  "),
    "",
    "Example",
    `  bun run rpc ${service}.${name}${argument}`,
  ].join("\n");
}

function fieldTable(message: unknown): string {
  const rows = fieldsOf(message).map(({ label, type, description, depth }) => {
    return ["  ".repeat(depth) + label, type, description];
  });
  return rows.length > 0 ? table(rows, "  ") : "  {}";
}

/** A newer server may have errors that this build does not know. */
function codeOf(error: string): string {
  return Object.entries(ERRORS).find(([name]) => name === error)?.[1].code ?? "?";
}
