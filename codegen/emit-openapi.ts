import { type TObject, type TSchema, TypeGuard } from "@sinclair/typebox";
import { ERROR_NAMES, ERRORS, type ErrorName } from "../schema/errors.ts";
import { HTTP_API_SOURCE } from "./emit-endpoints.ts";
import { type EndpointModel, shownMessages } from "./http-model.ts";
import { exampleOf, type Json, type JsonObject, jsonSchema, reference } from "./json-schema.ts";
import { type MessageModel, messageOf } from "./model.ts";

const FAILURES = ERROR_NAMES.filter((name) => name !== "success");

const TITLE = "Portico";
/** Of the URLs and what they mean, which keep: not of the build. */
const API_VERSION = "1";

const DESCRIPTION = `Accounts: sign up, sign in, sign out, profile, nickname, picture.

Every answer is a JSON object of \`errCode\`, \`errMsg\` and \`data\`, and every failure is one
of the closed table below, on any path. A path that is not here is answered with "6" and 404,
another method of a path with "6" and 405. HEAD works where GET does and nothing changes by it.
With every "6" the header X-Error-Detail says what is wrong. Range is ignored. Texts are compared after
NFC normalisation, and their lengths count Unicode code points.

To try what needs a session, try out the sign-in first: the browser keeps its cookie.

${errorTable()}`;

/** What a status says of an error that goes with several. */
const STATUSES: Readonly<Record<number, string>> = {
  400: "The request is not what the endpoint takes.",
  403: "The request was made on behalf of another site, or ahead of time.",
  404: "There is none of this name.",
  413: "The body is too large.",
  415: "The body is of another type, compressed, or not in UTF-8.",
  500: "The server failed.",
  503: "The server or its databases cannot be reached, or it is overloaded.",
  504: "The server ran out of time.",
};

const HEADERS = {
  RequestId: {
    description: "Names this request in the logs of both tiers.",
    schema: { type: "string" },
  },
  RetryAfter: {
    description: "Seconds until it may be asked again; with ServerError only.",
    schema: { type: "string" },
  },
  ErrorDetail: {
    description: "What is wrong, in ASCII: a field or header, and the rule; never a value.",
    schema: { type: "string", maxLength: 200 },
    example: "username: 4 to 13 code points",
  },
  SetSession: { description: "The session's cookie.", schema: { type: "string" } },
  ClearSession: { description: "Takes the session's cookie away.", schema: { type: "string" } },
};
const REQUEST_ID = { "X-Request-Id": reference("headers", "RequestId") };
const ERROR_DETAIL = { "X-Error-Detail": reference("headers", "ErrorDetail") };
const RETRY_AFTER = { "Retry-After": reference("headers", "RetryAfter") };
const COOKIE = {
  set: { "Set-Cookie": reference("headers", "SetSession") },
  clear: { "Set-Cookie": reference("headers", "ClearSession") },
};

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
      securitySchemes: { session: { type: "apiKey", in: "cookie", name: "sessionID" } },
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

/** The messages that `paths` or one another refer to, by name. */
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
  const media = { schema: shown(schema, messages), ...example(schema) };
  const types = form ? ["multipart/form-data"] : ["application/json", ...formTypes(schema)];
  const content = Object.fromEntries(types.map((type) => [type, media]));
  return { requestBody: { required: true, content } };
}

/** A form holds texts and nothing else. */
function formTypes({ properties }: TObject): string[] {
  const areTexts = Object.values(properties).every((field) => TypeGuard.IsString(field));
  return areTexts ? ["application/x-www-form-urlencoded"] : [];
}

function success(
  { data, file, cookie }: EndpointModel,
  messages: readonly MessageModel[],
): JsonObject {
  const description = file ? "The file." : ERRORS.success.meaning;
  const headers = { ...REQUEST_ID, ...(cookie && COOKIE[cookie]) };
  if (file) return { description, headers, content: { [file]: {} } };
  const value = data ? exampleOf(data) : "";
  const media = {
    schema: envelope("success", data ? shown(data, messages) : { const: "" }),
    ...(value !== undefined && { example: answer("success", value) }),
  };
  return { description, headers, content: { "application/json": media } };
}

/** The failures that come with one status. */
interface Failure {
  readonly status: number;
  readonly errors: readonly ErrorName[];
}

function failuresOf({
  body,
  form,
  changesState,
  file,
  call,
  ...endpoint
}: EndpointModel): Failure[] {
  const pairs: [status: number, error: ErrorName][] = [[500, "ServerError"]];
  for (const status of body || form ? [400, 413, 415] : [])
    pairs.push([status, "InvalidParamsError"]);
  if (changesState) pairs.push([403, "InvalidParamsError"]);
  // A file may be in a store that is away or slow.
  if (file) pairs.push([404, "InvalidParamsError"], [503, "ServerError"], [504, "ServerError"]);
  for (const error of endpoint.errors) pairs.push([ERRORS[error].status, error]);
  if (call || endpoint.needsSession) {
    pairs.push([503, "ServerError"], [503, "DataBaseError"], [504, "ServerError"]);
  }
  const statuses = [...new Set(pairs.map(([status]) => status))];
  return statuses.map((status) => ({
    status,
    errors: pairs.flatMap(([other, error]) => (other === status ? [error] : [])),
  }));
}

function keyOf({ status, errors }: Failure): string {
  return `${status}-${errors.join("-")}`;
}

function failure({ status, errors }: Failure): JsonObject {
  const isOfMany = errors.some(
    (error) => error === "ServerError" || error === "InvalidParamsError",
  );
  const meanings = errors.map((error) => ERRORS[error].meaning).join(" Or: ");
  const references = errors.map((error) => reference("schemas", error));
  const [only] = references;
  const examples = errors.map((error) => [error, { value: answer(error, "") }]);
  const media = {
    schema: only && references.length === 1 ? only : { oneOf: references },
    examples: Object.fromEntries(examples),
  };
  return {
    description: (isOfMany && STATUSES[status]) || meanings,
    headers: {
      ...REQUEST_ID,
      ...(errors.every((error) => error === "InvalidParamsError") && ERROR_DETAIL),
      ...(status === 503 && RETRY_AFTER),
    },
    content: { "application/json": media },
  };
}

/** By reference where it is a message. */
function shown(schema: TSchema, messages: readonly MessageModel[]): JsonObject {
  const named = messageOf(schema, messages);
  return named ? reference("schemas", named.name) : jsonSchema(schema, messages);
}

function envelope(name: ErrorName, data: JsonObject): JsonObject {
  const { code, meaning } = ERRORS[name];
  return {
    type: "object",
    ...(name !== "success" && { description: meaning }),
    required: ["errCode", "errMsg", "data"],
    properties: { errCode: { const: code }, errMsg: { const: name }, data },
    additionalProperties: false,
  };
}

function example(schema: TSchema): JsonObject {
  const value = exampleOf(schema);
  return value === undefined ? {} : { example: value };
}

function answer(name: ErrorName, data: Json): JsonObject {
  return { errCode: ERRORS[name].code, errMsg: name, data };
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
