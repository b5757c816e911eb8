import { type TSchema, TypeGuard } from "@sinclair/typebox";
import type { MessageModel } from "./model.ts";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * A schema as JSON Schema 2020-12, named messages by reference, unless it is one itself. What only
 * TypeBox understands is left out or becomes what the standard has for it.
 */
export function jsonSchema(schema: TSchema, messages: readonly MessageModel[]): JsonObject {
  const names = new Map<unknown, string>(messages.map((message) => [message.schema, message.name]));
  const text = JSON.stringify(schema, (_key, value: unknown) => {
    const name = value === schema ? undefined : names.get(value);
    return name === undefined ? standard(value) : reference("schemas", name);
  });
  return JSON.parse(text);
}

export function reference(kind: "schemas" | "headers" | "responses", name: string): JsonObject {
  return { $ref: `#/components/${kind}/${name}` };
}

/** Our formats mean nothing to others: their pattern says it, read by the rules of Unicode. */
function standard(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("unicodePattern" in value)) return value;
  const { unicodePattern: pattern, format: _, ...rest } = { format: undefined, ...value };
  return { ...rest, pattern };
}

/** A value of the schema, made of the examples of its fields; undefined where one has none. */
export function exampleOf(schema: TSchema): Json | undefined {
  const [example]: Json[] = schema.examples ?? [];
  if (example !== undefined) return example;
  if (TypeGuard.IsLiteral(schema)) return schema.const;
  if (!TypeGuard.IsObject(schema)) return undefined;
  const fields: Record<string, Json> = {};
  for (const [name, field] of Object.entries(schema.properties)) {
    const value = exampleOf(field);
    if (value !== undefined) fields[name] = value;
    else if (!TypeGuard.IsOptional(field)) return undefined;
  }
  return fields;
}
