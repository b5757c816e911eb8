import { type TSchema, TypeGuard } from "@sinclair/typebox";
import { type MessageModel, messageOf } from "./model.ts";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * A schema as JSON Schema 2020-12. The messages in it are references; keywords that only TypeBox
 * knows are left out or replaced by standard ones.
 */
export function jsonSchema(schema: TSchema, messages: readonly MessageModel[]): JsonObject {
  const text = JSON.stringify(schema, (_key, value: unknown) => {
    const named = value === schema ? undefined : messageOf(value, messages);
    return named ? reference("schemas", named.name) : standard(value);
  });
  return JSON.parse(text);
}

export function reference(kind: "schemas" | "headers" | "responses", name: string): JsonObject {
  return { $ref: `#/components/${kind}/${name}` };
}

/** Other programs do not know our formats. `documented` holds standard keywords for each. */
function standard(value: unknown): unknown {
  if (!TypeGuard.IsString(value) || value.documented === undefined) return value;
  const { unicodePattern: _, format: __, documented, ...rest } = value;
  const { not, ...positive } = documented;
  return { ...rest, ...positive, not: { pattern: not } };
}

/**
 * An example of the schema, from the examples and types of its fields; undefined if a text has no
 * example.
 */
export function exampleOf(schema: TSchema): Json | undefined {
  const [example]: Json[] = schema.examples ?? [];
  if (example !== undefined) return example;
  if (TypeGuard.IsLiteral(schema)) return schema.const;
  if (TypeGuard.IsBoolean(schema)) return true;
  if (TypeGuard.IsNull(schema)) return null;
  if (TypeGuard.IsNumber(schema) || TypeGuard.IsInteger(schema)) return schema.minimum ?? 1;
  if (TypeGuard.IsRecord(schema)) return {};
  if (TypeGuard.IsUnion(schema)) {
    return schema.anyOf.map(exampleOf).find((each) => each !== undefined);
  }
  if (TypeGuard.IsArray(schema)) {
    const item = exampleOf(schema.items);
    return item === undefined ? [] : [item];
  }
  if (!TypeGuard.IsObject(schema)) return undefined;
  const fields: Record<string, Json> = {};
  for (const [name, field] of Object.entries(schema.properties)) {
    const value = exampleOf(field);
    if (value !== undefined) fields[name] = value;
    else if (!TypeGuard.IsOptional(field)) return undefined;
  }
  return fields;
}
