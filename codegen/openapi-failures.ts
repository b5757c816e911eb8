import { ERRORS, type ErrorName } from "../schema/errors.ts";
import type { EndpointModel } from "./http-model.ts";
import { type Json, type JsonObject, reference } from "./json-schema.ts";
import { ERROR_DETAIL, REQUEST_ID, RETRY_AFTER } from "./openapi-headers.ts";

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

/** The failures that come with one status. */
export interface Failure {
  readonly status: number;
  readonly errors: readonly ErrorName[];
}

/** Every failure that an endpoint can answer with, one for each status. */
export function failuresOf({
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

/** Its name in OpenAPI's components. */
export function keyOf({ status, errors }: Failure): string {
  return `${status}-${errors.join("-")}`;
}

/** Its response in OpenAPI. */
export function failure({ status, errors }: Failure): JsonObject {
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

/** An answer's body. */
export function answer(name: ErrorName, data: Json): JsonObject {
  return { errCode: ERRORS[name].code, errMsg: name, data };
}
