import { type TObject, type TSchema, TypeGuard } from "@sinclair/typebox";
import { ERROR_NAMES, ERRORS } from "../schema/errors.ts";
import { SESSION_COOKIE } from "../schema/http-api.ts";
import { type EndpointModel, HTTP_API_SOURCE, shownMessages } from "./http-model.ts";
import { exampleOf, type JsonObject, jsonSchema, reference } from "./json-schema.ts";
import type { MessageModel } from "./model.ts";
import {
  envelope,
  failure,
  failuresOf,
  HEADERS,
  keyOf,
  schemaOrReference,
  success,
} from "./openapi-responses.ts";

const FAILURES = ERROR_NAMES.filter((name) => name !== "success");

const TITLE = "Portico";
/** The version of the URLs and their meaning, not of the build: these stay the same. */
const API_VERSION = "1";

const DESCRIPTION = `Accounts: sign up, sign in, sign out, profile, nickname, picture.

Every answer is a JSON object of \`errCode\`, \`errMsg\` and \`data\`. Every failure, on any
path, is a row of the closed table below. An unknown path is answered with "6" and 404, another
method of a path with "6" and 405. HEAD works for every GET that changes nothing. With every "6"
the header X-Error-Detail says what is wrong. Range is ignored. Texts are compared after NFC
normalisation, and their lengths count Unicode code points.

Some requests need a session. To try one, sign in first: the browser keeps the cookie.

${errorTable()}`;

/** The HTTP API for machines and for the page /docs: OpenAPI 3.1. */
export function emitOpenApi(endpoints: readonly EndpointModel[]): string {
  const messages = shownMessages(endpoints);
  const paths: Record<string, JsonObject> = {};
  for (const endpoint of endpoints) {
    const path = endpoint.path.replace(/:(\w+)/g, "{$1}");
    for (const [index, method] of endpoint.methods.entries()) {
      const by = index === 0 ? "" : `By${method.charAt(0)}${method.slice(1).toLowerCase()}`;
      const operation = { operationId: endpoint.name + by, ...operationOf(endpoint, messages) };
      paths[path] = { ...paths[path], [method.toLowerCase()]: operation };
    }
  }
  const document = {
    openapi: "3.1.0",
    info: { title: TITLE, version: API_VERSION, description: DESCRIPTION },
    "x-generated": `from ${HTTP_API_SOURCE} by \`bun run codegen\``,
    paths,
    components: {
      securitySchemes: { session: { type: "apiKey", in: "cookie", name: SESSION_COOKIE } },
      headers: HEADERS,
      responses: Object.fromEntries(
        endpoints.flatMap(failuresOf).map((each) => [keyOf(each), failure(each)]),
      ),
      schemas: {
        ...referencedSchemas(paths, messages),
        ...Object.fromEntries(FAILURES.map((name) => [name, envelope(name, { const: "" })])),
      },
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** The messages that `paths` refers to, directly or through other messages, by name. */
function referencedSchemas(paths: JsonObject, messages: readonly MessageModel[]): JsonObject {
  const schemas: Record<string, JsonObject> = {};
  let count: number;
  do {
    count = Object.keys(schemas).length;
    const text = JSON.stringify([paths, schemas]);
    for (const { name, schema } of messages) {
      const isUsed = text.includes(JSON.stringify(reference("schemas", name)));
      if (isUsed) schemas[name] = jsonSchema(schema, messages);
    }
  } while (Object.keys(schemas).length > count);
  return schemas;
}

function operationOf(endpoint: EndpointModel, messages: readonly MessageModel[]): JsonObject {
  const { summary, tag, needsSession, path } = endpoint;
  const names = Array.from(path.matchAll(/:(\w+)/g), ([, name = ""]) => name);
  const parameters = names.map((name) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  return {
    summary,
    tags: [tag],
    ...(needsSession && { security: [{ session: [] }] }),
    ...(parameters.length > 0 && { parameters }),
    ...requestBody(endpoint, messages),
    responses: {
      200: success(endpoint, messages),
      ...Object.fromEntries(
        failuresOf(endpoint).map((each) => [each.status, reference("responses", keyOf(each))]),
      ),
    },
  };
}

function requestBody({ body, form }: EndpointModel, messages: readonly MessageModel[]): JsonObject {
  const schema = form ?? body;
  if (!schema) return {};
  const media = { schema: schemaOrReference(schema, messages), ...example(schema) };
  const types = form ? ["multipart/form-data"] : ["application/json", ...formTypes(schema)];
  const content = Object.fromEntries(types.map((type) => [type, media]));
  const isRequired = (schema.required ?? []).length > 0;
  return { requestBody: { required: isRequired, content } };
}

/** The type of a form, if the body may be one: a form can hold only texts. */
function formTypes({ properties }: TObject): string[] {
  const areTexts = Object.values(properties).every((field) => TypeGuard.IsString(field));
  return areTexts ? ["application/x-www-form-urlencoded"] : [];
}

function example(schema: TSchema): JsonObject {
  const value = exampleOf(schema);
  return value === undefined ? {} : { example: value };
}

function errorTable(): string {
  const rows = ERROR_NAMES.map((name) => {
    const { code, status, meaning } = ERRORS[name];
    return `| "${code}" | ${name} | ${status} | ${meaning} |`;
  });
  return [
    "| errCode | errMsg | usual status | meaning |",
    "| --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}
