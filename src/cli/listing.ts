import { ERRORS } from "../../schema/errors.ts";
import { list } from "../config/values.ts";
import type { MethodDescription, ServiceDescription } from "../gen/system.ts";
import { isObject, type JsonObject } from "../rpc/json.ts";
import { table, wrap } from "./layout.ts";

/** Lists services with their methods: number, signature, summary and errors of each. */
export function listServices(services: readonly ServiceDescription[]): string {
  return services
    .map(({ service, methods }) => {
      const width = Math.max(0, ...methods.map(({ number }) => `${number}`.length));
      const [common, ...others] = new Set(methods.map(callersOf));
      // What all methods have in common stands once, after the name of the service.
      const title = common && others.length === 0 ? `${service} (${common})` : service;
      const rows = methods.map((method) => listMethod(method, width, title === service));
      return [title, ...rows].join("\n\n");
    })
    .join("\n\n\n");
}

/** For whom a method is, such as "only for admin"; "" if it is for every caller. */
function callersOf({ callers }: MethodDescription): string {
  return callers ? `only for ${list(callers)}` : "";
}

function listMethod(method: MethodDescription, width: number, showsCallers: boolean): string {
  const { name, number, summary, errors } = method;
  const start = `  ${`${number}`.padStart(width)}  `;
  const indent = " ".repeat(start.length);
  const signature = `${name}(${shapeOf(method.request)}) → ${shapeOf(method.reply)}`;
  return [
    wrap(signature, start, `${indent}  `),
    wrap(summary, indent),
    ...(errors.length > 0 ? [wrap(`Errors: ${errors.join(", ")}`, indent)] : []),
    ...(showsCallers && method.callers
      ? [wrap(`Callers: ${method.callers.join(", ")}`, indent)]
      : []),
  ].join("\n");
}

/** Describes one method in full, with an example of a call. */
export function describeMethod(service: string, method: MethodDescription): string {
  const { name, number, summary, idempotent, errors } = method;
  const callers = callersOf(method);
  const example = JSON.stringify(exampleOf(method.request));
  const argument = example === "{}" ? "" : ` '${example.replaceAll("'", "'\\''")}'`;
  const nature = idempotent
    ? "Idempotent: retried if a server or a connection is lost."
    : "Not idempotent: retried only if it has certainly not run.";
  const errorRows = [...errors, "DataBaseError"].map((error) => [codeOf(error), error]);
  return [
    wrap(`${service}.${name} (method ${number}): ${summary}`, ""),
    wrap(nature, ""),
    ...(callers ? [`It is ${callers}.`] : []),
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

/** "?" for an error that this build does not know: the server may be newer. */
function codeOf(error: string): string {
  return Object.entries(ERRORS).find(([name]) => name === error)?.[1].code ?? "?";
}

/** One row of the table of fields. */
interface Field {
  /** The name, with `?` if the field is optional. */
  readonly label: string;
  readonly type: string;
  readonly description: string;
  /** How many messages enclose it. */
  readonly depth: number;
}

/** A message on one line, such as `{ username, password? }`. */
function shapeOf(schema: unknown): string {
  const labels = propertiesOf(schema).map(({ label }) => label);
  return labels.length > 0 ? `{ ${labels.join(", ")} }` : "{}";
}

/** Whether a message can have fields. */
export function canHold(schema: unknown): boolean {
  if (propertiesOf(schema).length > 0 || !isObject(schema)) return true;
  return choicesOf(schema).length > 0 || valuesOf(schema) !== undefined;
}

/** Every field of a message; the fields of an enclosed message follow it. */
function fieldsOf(schema: unknown, depth = 0): Field[] {
  return propertiesOf(schema).flatMap(({ label, property }) => {
    const description = isObject(property) ? property.description : undefined;
    const field = { label, type: typeOf(property), depth };
    return [
      { ...field, description: typeof description === "string" ? description : "" },
      ...fieldsOf(innermost(property), depth + 1),
    ];
  });
}

/** A message of the right shape, to be edited. If a text has no example, its value is its name. */
function exampleOf(schema: unknown, name = "value"): unknown {
  if (!isObject(schema)) return null;
  if (Array.isArray(schema.examples) && schema.examples.length > 0) return schema.examples[0];
  if ("const" in schema) return schema.const;
  const [choice] = choicesOf(schema);
  if (choice !== undefined) return exampleOf(choice, name);
  if (schema.type === "string") return name;
  if (schema.type === "number" || schema.type === "integer") return schema.minimum ?? 0;
  if (schema.type === "boolean") return false;
  if (schema.type === "array") return [exampleOf(schema.items, name)];
  if (schema.type !== "object") return null;
  const fields = propertiesOf(schema).filter(({ isOptional }) => !isOptional);
  return Object.fromEntries(
    fields.map(({ key, property }) => [key, exampleOf(property, key)] as const),
  );
}

/** The type in words: `string`, `"up" or "down"`, `list of objects`. */
function typeOf(schema: unknown): string {
  if (!isObject(schema)) return "anything";
  if ("const" in schema) return JSON.stringify(schema.const);
  const choices = choicesOf(schema);
  if (choices.length > 0) return choices.map(typeOf).join(" or ");
  if (schema.type === "array") return `list of ${plural(typeOf(schema.items))}`;
  const values = valuesOf(schema);
  if (values !== undefined) return `map to ${plural(typeOf(values))}`;
  if (typeof schema.type !== "string") return "anything";
  const limits = [
    ...(schema.minimum === undefined ? [] : [`≥ ${schema.minimum}`]),
    ...(schema.maximum === undefined ? [] : [`≤ ${schema.maximum}`]),
    ...(schema.pattern === undefined ? [] : [`like ${schema.pattern}`]),
  ];
  return [schema.type, ...limits].join(" ");
}

function plural(type: string): string {
  return type.replace(/^(string|number|integer|boolean|object|list|map)\b/, "$1s");
}

function propertiesOf(schema: unknown) {
  if (!isObject(schema) || !isObject(schema.properties)) return [];
  const required = Array.isArray(schema.required) ? schema.required : [];
  return Object.entries(schema.properties).map(([key, property]) => {
    const isOptional = !required.includes(key);
    return { key, property, isOptional, label: isOptional ? `${key}?` : key };
  });
}

function choicesOf(schema: JsonObject): readonly unknown[] {
  const choices = schema.anyOf ?? schema.oneOf;
  return Array.isArray(choices) ? choices : [];
}

/** The schema of the values of a map; undefined if the schema is not a map. */
function valuesOf(schema: JsonObject): unknown {
  return isObject(schema.patternProperties)
    ? Object.values(schema.patternProperties)[0]
    : undefined;
}

/** The message inside of lists, maps and choices. */
function innermost(schema: unknown): unknown {
  if (!isObject(schema)) return undefined;
  const inner = schema.items ?? valuesOf(schema) ?? choicesOf(schema).find(isMessage);
  return inner === undefined ? schema : innermost(inner);
}

function isMessage(schema: unknown): boolean {
  return isObject(schema) && isObject(schema.properties);
}
