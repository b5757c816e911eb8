import type { TSchema } from "@sinclair/typebox";
import { ERRORS, type ErrorName } from "../schema/errors.ts";
import { MAX_DETAIL_CHARACTERS } from "../schema/http-api.ts";
import type { EndpointModel } from "./http-model.ts";
import { exampleOf, type Json, type JsonObject, jsonSchema, reference } from "./json-schema.ts";
import { type MessageModel, messageOf } from "./model.ts";

/** The headers of responses, by their names in OpenAPI's components. */
export const HEADERS = {
  RequestId: {
    description: "Names this request in the logs of both tiers.",
    schema: { type: "string" },
  },
  RetryAfter: {
    description: "Seconds until a retry makes sense; with ServerError only.",
    schema: { type: "string" },
  },
  ErrorDetail: {
    description: "What is wrong, in ASCII: a field or header, and the rule; never a value.",
    schema: { type: "string", maxLength: MAX_DETAIL_CHARACTERS },
    example: "username: 4 to 13 code points",
  },
  SetSession: { description: "The session's cookie.", schema: { type: "string" } },
  ClearSession: { description: "Removes the session's cookie.", schema: { type: "string" } },
};
const REQUEST_ID = { "X-Request-Id": reference("headers", "RequestId") };
const ERROR_DETAIL = { "X-Error-Detail": reference("headers", "ErrorDetail") };
const RETRY_AFTER = { "Retry-After": reference("headers", "RetryAfter") };
const COOKIE = {
  set: { "Set-Cookie": reference("headers", "SetSession") },
  clear: { "Set-Cookie": reference("headers", "ClearSession") },
};

/** The meaning of each status, for errors that have several. */
const STATUSES: Readonly<Record<number, string>> = {
  400: "The request is not what the endpoint takes.",
  403: "The request was made on behalf of another site, or ahead of time.",
  404: "No file has this name.",
  413: "The body is too large.",
  415: "The body is of another type, compressed, or not in UTF-8.",
  429: "Too many attempts. The server refused this one before it looked at it.",
  500: "The server failed.",
  503: "The server or its databases cannot be reached, or it is overloaded.",
  504: "The server ran out of time.",
};

/** The failures of one status. */
export interface Failure {
  readonly status: number;
  readonly errors: readonly ErrorName[];
}

/** Every failure of an endpoint, grouped by status. */
export function failuresOf(endpoint: EndpointModel): Failure[] {
  const { body, form, changesState, file, call, needsSession, errors } = endpoint;
  const pairs: [status: number, error: ErrorName][] = [[500, "ServerError"]];
  for (const status of body || form ? [400, 413, 415] : []) {
    pairs.push([status, "InvalidParamsError"]);
  }
  if (changesState) pairs.push([403, "InvalidParamsError"]);
  // The store of a file may be unreachable or slow.
  if (file) pairs.push([404, "InvalidParamsError"], [503, "ServerError"], [504, "ServerError"]);
  for (const error of errors) pairs.push([ERRORS[error].status, error]);
  if (call) pairs.push([429, "ServerError"]);
  if (call || needsSession) {
    pairs.push([503, "ServerError"], [503, "DataBaseError"], [504, "ServerError"]);
  }
  const statuses = [...new Set(pairs.map(([status]) => status))];
  return statuses.map((status) => ({
    status,
    errors: pairs.flatMap(([other, error]) => (other === status ? [error] : [])),
  }));
}

/** The name of a failure in OpenAPI's components. */
export function keyOf({ status, errors }: Failure): string {
  return `${status}-${errors.join("-")}`;
}

/** A failure as a response of OpenAPI. */
export function failure({ status, errors }: Failure): JsonObject {
  const hasStatuses = errors.some(
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
    description: (hasStatuses && STATUSES[status]) || meanings,
    headers: {
      ...REQUEST_ID,
      ...(errors.every((error) => error === "InvalidParamsError") && ERROR_DETAIL),
      ...((status === 429 || status === 503) && RETRY_AFTER),
    },
    content: { "application/json": media },
  };
}

/** The success of an endpoint as a response of OpenAPI. */
export function success(
  { data, file, cookie }: EndpointModel,
  messages: readonly MessageModel[],
): JsonObject {
  const description = file ? "The file." : ERRORS.success.meaning;
  const headers = { ...REQUEST_ID, ...(cookie && COOKIE[cookie]) };
  if (file) return { description, headers, content: { [file]: {} } };
  const value = data ? exampleOf(data) : "";
  const media = {
    schema: envelope("success", data ? schemaOrReference(data, messages) : { const: "" }),
    ...(value !== undefined && { example: answer("success", value) }),
  };
  return { description, headers, content: { "application/json": media } };
}

/** A message by reference, any other schema in full. */
export function schemaOrReference(schema: TSchema, messages: readonly MessageModel[]): JsonObject {
  const named = messageOf(schema, messages);
  return named ? reference("schemas", named.name) : jsonSchema(schema, messages);
}

/** The schema of an answer's body. */
export function envelope(name: ErrorName, data: JsonObject): JsonObject {
  const { code, meaning } = ERRORS[name];
  return {
    type: "object",
    ...(name !== "success" && { description: meaning }),
    required: ["errCode", "errMsg", "data"],
    properties: { errCode: { const: code }, errMsg: { const: name }, data },
    additionalProperties: false,
  };
}

function answer(name: ErrorName, data: Json): JsonObject {
  return { errCode: ERRORS[name].code, errMsg: name, data };
}
