import { reference } from "./json-schema.ts";

/** The headers of answers, by their names in OpenAPI's components. */
export const HEADERS = {
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
export const REQUEST_ID = { "X-Request-Id": reference("headers", "RequestId") };
export const ERROR_DETAIL = { "X-Error-Detail": reference("headers", "ErrorDetail") };
export const RETRY_AFTER = { "Retry-After": reference("headers", "RetryAfter") };
export const COOKIE = {
  set: { "Set-Cookie": reference("headers", "SetSession") },
  clear: { "Set-Cookie": reference("headers", "ClearSession") },
};
