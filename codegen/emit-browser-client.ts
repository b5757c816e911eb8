import { type TObject, type TSchema, TypeGuard } from "@sinclair/typebox";
import { type EndpointModel, HTTP_API_SOURCE } from "./http-model.ts";
import { SchemaError } from "./model.ts";
import { commentText, constantName, header, memberOf } from "./text.ts";
import { typeOf } from "./types.ts";

/** The pages' client of the HTTP API: a function with JSDoc types for each JSON endpoint. */
export function emitBrowserClient(endpoints: readonly EndpointModel[]): string {
  const called = endpoints.filter(({ file }) => file === undefined);
  const errors = [...new Set(called.flatMap((endpoint) => endpoint.errors))];
  return [
    header(HTTP_API_SOURCE),
    'import { callApi, isObject } from "./call-api.js";',
    "",
    '/** @import { CallOptions, Endpoint } from "./call-api.js" */',
    "",
    "/**",
    ` * @typedef {${errors.map(quoted).join("\n *   | ") || "never"}} DeclaredError`,
    " */",
    "",
    ...called.map(declarations),
    "/** Each function resolves to a result with a tag, and never rejects. */",
    `export const api = {\n${called.map(method).join("\n\n")}\n};`,
    "",
  ].join("\n");
}

function declarations(endpoint: EndpointModel): string {
  const { name, path, methods, errors, body, form, data } = endpoint;
  const fields = body ?? form;
  const types = `${data ? dataType(name) : '""'}, ${errors.map(quoted).join(" | ") || "never"}`;
  const isData = data ? `is${dataType(name)}` : '(data) => data === ""';
  return [
    fields ? typedef(name, fields) : "",
    data ? guard(name, data) : "",
    `/**
 * ${from(name)}
 *
 * @type {Endpoint<${types}>}
 */
const ${constantName(name)} = {
  method: "${methods[0]}",
  path: ${JSON.stringify(path)},${form ? "\n  isMultipart: true," : ""}
  errors: [${errors.map(quoted).join(", ")}],
  isData: ${isData},
};`,
    "",
  ]
    .filter((part, index, parts) => part !== "" || index === parts.length - 1)
    .join("\n\n");
}

function method({ name, summary, path, methods, body, form }: EndpointModel): string {
  const input = body || form ? "fields" : undefined;
  const parameter = input ? [`   * @param {${fieldsType(name)}} fields`] : [];
  const constant = constantName(name);
  return [
    "  /**",
    `   * ${commentText(summary)}`,
    `   * \`${methods[0]} ${path}\` ${from(name)}`,
    "   *",
    ...parameter,
    "   * @param {CallOptions} [options]",
    "   */",
    input
      ? `  ${name}: (fields, options) => callApi(${constant}, fields, options),`
      : `  ${name}: (options) => callApi(${constant}, undefined, options),`,
  ].join("\n");
}

function from(name: string): string {
  return `From \`${name}\` in ${HTTP_API_SOURCE}.`;
}

/** The type of the fields that an endpoint takes. */
function typedef(name: string, { properties }: TObject): string {
  const fields = Object.entries(properties).map(([field, schema]) => {
    const shown = TypeGuard.IsOptional(schema) ? `[${field}]` : field;
    const type = inlineType(schema, `${name}.${field}`);
    return ` * @property {${type}} ${shown} ${commentText(schema.description ?? "")}`.trimEnd();
  });
  const doc = ` * What ${name} takes. ${from(name)}`;
  const type = ` * @typedef {object} ${fieldsType(name)}`;
  return ["/**", doc, " *", type, ...fields, " */"].join("\n");
}

/** The type of the data that an endpoint answers, and its type guard. */
function guard(endpoint: string, schema: TSchema): string {
  const name = dataType(endpoint);
  return `/**
 * What ${endpoint} answers. ${from(endpoint)}
 *
 * @typedef {${inlineType(schema, name)}} ${name}
 */

/**
 * @param {unknown} data
 * @returns {data is ${name}}
 */
function is${name}(data) {
  return ${check(schema, "data", name)};
}`;
}

function inlineType(schema: TSchema, where: string): string {
  const nameOf = (each: TSchema): string | undefined => {
    if (each.contentMediaType) return "Blob"; // A file in a form.
    if (!TypeGuard.IsObject(each)) return undefined;
    const fields = Object.entries(each.properties).map(([field, type]) => {
      const mark = TypeGuard.IsOptional(type) ? "?" : "";
      return `${JSON.stringify(field)}${mark}: ${typeOf(type, nameOf, `${where}.${field}`)}`;
    });
    return `{ ${fields.join(", ")} }`;
  };
  return typeOf(schema, nameOf, where).replace(/"([A-Za-z_]\w*)"(?=\??: )/g, "$1");
}

/** An expression that is true if `value` has the type of the schema. It ignores formats. */
function check(schema: TSchema, value: string, where: string): string {
  const all = (conditions: string[]) => conditions.join(" && ");
  if (TypeGuard.IsString(schema)) return `typeof ${value} === "string"`;
  if (TypeGuard.IsNumber(schema) || TypeGuard.IsInteger(schema))
    return `typeof ${value} === "number"`;
  if (TypeGuard.IsBoolean(schema)) return `typeof ${value} === "boolean"`;
  if (TypeGuard.IsNull(schema)) return `${value} === null`;
  if (TypeGuard.IsUnknown(schema)) return "true";
  if (TypeGuard.IsLiteral(schema)) return `${value} === ${JSON.stringify(schema.const)}`;
  if (TypeGuard.IsUnion(schema)) {
    return `(${schema.anyOf.map((member) => check(member, value, where)).join(" || ")})`;
  }
  if (TypeGuard.IsArray(schema)) {
    const item = check(schema.items, "item", where);
    return `Array.isArray(${value}) && ${value}.every((item) => ${item})`;
  }
  if (TypeGuard.IsRecord(schema)) {
    const item = Object.values(schema.patternProperties).map((each) => check(each, "item", where));
    return `isObject(${value}) && Object.values(${value}).every((item) => ${all(item)})`;
  }
  if (TypeGuard.IsObject(schema)) {
    const fields = Object.entries(schema.properties).map(([field, type]) => {
      const property = memberOf(value, field);
      const condition = check(type, property, `${where}.${field}`);
      return TypeGuard.IsOptional(type) ? `(${property} === undefined || ${condition})` : condition;
    });
    return all([`isObject(${value})`, ...fields]);
  }
  throw new SchemaError(`Cannot check ${where} in the browser: no rule for its kind`);
}

function fieldsType(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}Fields`;
}

function dataType(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}Data`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
