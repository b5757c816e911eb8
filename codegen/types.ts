import { Kind, type TSchema, TypeGuard } from "@sinclair/typebox";
import { SchemaError } from "./model.ts";
import { docComment } from "./text.ts";

/** The declaration of a message's type, as `interface Profile { … }`. */
export function interfaceOf(name: string, schema: TSchema, nameOf: NameOf): string {
  if (!TypeGuard.IsObject(schema)) {
    throw new SchemaError(`Cannot emit ${name}: a message is a Type.Object`);
  }
  const fields = Object.entries(schema.properties).map(([field, type]) => {
    const mark = TypeGuard.IsOptional(type) ? "?" : "";
    const doc = fieldDoc(type, nameOf);
    const key = JSON.stringify(field); // The formatter removes quotes that are not needed.
    return `${doc}  readonly ${key}${mark}: ${typeOf(type, nameOf, `${name}.${field}`)};`;
  });
  if (fields.length === 0) return `type ${name} = Record<string, never>;`;
  return `interface ${name} {\n${fields.join("\n")}\n}`;
}

/** A field whose type is a message has no comment: the message has one. */
function fieldDoc(type: TSchema, nameOf: NameOf): string {
  if (nameOf(type) !== undefined) return "";
  return described(type)
    .map((text) => `${docComment(text)}\n`)
    .join("");
}

/** The description of a schema, if it has one. */
export function described({ description }: TSchema): string[] {
  return description ? [description] : [];
}

/** The name of the type of a schema, if it has one. */
export type NameOf = (schema: TSchema) => string | undefined;

/**
 * The TypeScript type of a schema.
 * @param where as in `Profile.nickname`, for the error
 * @throws {SchemaError} TypeScript has no type for it here
 */
export function typeOf(schema: TSchema, nameOf: NameOf, where: string): string {
  const name = nameOf(schema);
  if (name !== undefined) return name;
  if (TypeGuard.IsString(schema)) return "string";
  if (TypeGuard.IsNumber(schema) || TypeGuard.IsInteger(schema)) return "number";
  if (TypeGuard.IsBoolean(schema)) return "boolean";
  if (TypeGuard.IsNull(schema)) return "null";
  if (TypeGuard.IsUnknown(schema)) return "unknown";
  if (TypeGuard.IsLiteral(schema)) return JSON.stringify(schema.const);
  if (TypeGuard.IsArray(schema)) return `readonly (${typeOf(schema.items, nameOf, where)})[]`;
  if (TypeGuard.IsRecord(schema)) {
    const values = Object.values(schema.patternProperties).map((each) =>
      typeOf(each, nameOf, where),
    );
    return `Readonly<Record<string, ${values.join(" | ")}>>`;
  }
  if (TypeGuard.IsUnion(schema)) {
    return schema.anyOf.map((member) => typeOf(member, nameOf, where)).join(" | ");
  }
  throw new SchemaError(
    `Cannot emit ${where}: no rule for ${schema[Kind]}; export a nested object as a message`,
  );
}
