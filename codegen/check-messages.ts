import { FormatRegistry, type TSchema, TypeGuard } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { SchemaError, type ServiceModel } from "./model.ts";

/**
 * Find what a schema declares and no value could keep, or what every value would.
 * @throws {SchemaError} by the name of the field
 */
export function checkMessages({ source, messages }: ServiceModel): void {
  for (const { name, schema } of messages) checkSchema(schema, name, source);
}

function checkSchema(schema: TSchema, where: string, source: string): void {
  const refuse = (why: string): never => {
    throw new SchemaError(`Cannot take ${where} in ${source}: ${why}`);
  };
  const { format, examples = [] } = schema;
  if (typeof format === "string" && !FormatRegistry.Has(format)) {
    refuse(`nobody knows the format ${format}: every value would be refused`);
  }
  for (const example of examples) {
    if (!Value.Check(schema, example))
      refuse(`its example ${JSON.stringify(example)} is not of it`);
  }
  if (TypeGuard.IsRecord(schema)) {
    // Keys that do not match its pattern, as one with a line break, would go unchecked.
    if (schema.additionalProperties !== false) refuse("a record wants additionalProperties: false");
    for (const each of Object.values(schema.patternProperties)) {
      checkSchema(each, `${where}[]`, source);
    }
  }
  if (TypeGuard.IsObject(schema)) {
    for (const [field, type] of Object.entries(schema.properties)) {
      if (field in Object.prototype) refuse(`every object has a member ${field}`);
      checkSchema(type, `${where}.${field}`, source);
    }
  }
  if (TypeGuard.IsArray(schema)) checkSchema(schema.items, `${where}[]`, source);
  if (TypeGuard.IsUnion(schema)) {
    for (const member of schema.anyOf) checkSchema(member, where, source);
  }
}
