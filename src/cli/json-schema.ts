import { isObject, type JsonObject } from "../rpc/json.ts";

/** One line of what a message holds. */
export interface Field {
  /** With `?` where it may be absent. */
  readonly label: string;
  readonly type: string;
  readonly description: string;
  /** How many messages it is inside of. */
  readonly depth: number;
}

/** A message on one line: `{ username, password }`, with `?` where a field may be absent. */
export function shapeOf(schema: unknown): string {
  const labels = propertiesOf(schema).map(({ label }) => label);
  return labels.length > 0 ? `{ ${labels.join(", ")} }` : "{}";
}

/** Whether a message can hold anything. */
export function canHold(schema: unknown): boolean {
  if (propertiesOf(schema).length > 0 || !isObject(schema)) return true;
  return choicesOf(schema).length > 0 || valuesOf(schema) !== undefined;
}

/** Every field of a message, those of the messages inside of it below it. */
export function fieldsOf(schema: unknown, depth = 0): Field[] {
  return propertiesOf(schema).flatMap(({ label, property }) => {
    const description = isObject(property) ? property.description : undefined;
    const field = { label, type: typeOf(property), depth };
    return [
      { ...field, description: typeof description === "string" ? description : "" },
      ...fieldsOf(innermost(property), depth + 1),
    ];
  });
}

/** A message that has the right shape, for whoever calls to change: else a text is its own name. */
export function exampleOf(schema: unknown, name = "value"): unknown {
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

/** In words: `string`, `"up" or "down"`, `list of objects`. */
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

/** What the values of a map are; undefined where it is none. */
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
