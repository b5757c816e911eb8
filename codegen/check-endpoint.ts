import { TypeGuard } from "@sinclair/typebox";
import { DEFAULT_CALLER } from "../schema/callers.ts";
import {
  type CallModel,
  CLIENT_FIELD,
  DEVICE_FIELD,
  type EndpointModel,
  fieldNames,
  HTTP_API_SOURCE,
  SESSION_FIELD,
} from "./http-model.ts";
import { SchemaError } from "./model.ts";

const PATH = /^(\/(:[a-z][A-Za-z0-9]*|[\w.~-]+))+$/;
const METHODS: ReadonlySet<unknown> = new Set(["GET", "POST"]);

function refuse(endpoint: string, why: string): never {
  throw new SchemaError(`Cannot route ${endpoint} of ${HTTP_API_SOURCE}: ${why}`);
}

/** @throws {SchemaError} an endpoint does not fit its method, or has another's URL */
export function checkEndpoints(endpoints: readonly EndpointModel[]): void {
  const holders = new Map<string, string>();
  for (const endpoint of endpoints) {
    const { name, path, methods } = endpoint;
    checkDeclared(endpoint);
    for (const method of methods) {
      const holder = holders.get(`${method} ${path}`);
      if (holder) {
        throw new SchemaError(`Cannot route ${name} at ${method} ${path}: ${holder} is there`);
      }
      holders.set(`${method} ${path}`, name);
    }
    checkSession(endpoint);
    checkBody(endpoint);
    if (endpoint.call) checkCall(endpoint, endpoint.call);
  }
}

function checkDeclared({ name, path, methods, summary, changesState, call }: EndpointModel): void {
  if (!/^[a-z][A-Za-z0-9]*$/.test(name)) refuse(name, "its name must be one like signIn");
  if (!PATH.test(path)) refuse(name, `${path} is no path like /api/user/:name`);
  if (methods.length === 0 || !methods.every((method) => METHODS.has(method))) {
    refuse(name, `its methods are ${methods.join(", ") || "none"}, must be GET or POST`);
  }
  // Do not guess this: if a write passes for a read, any other site can cause it.
  if (typeof changesState !== "boolean") {
    refuse(name, "it must say whether it changes state: `changesState: true` or `false`");
  }
  if (call && path.includes(":")) refuse(name, `nothing of ${path} would get into its call`);
  if (!summary) refuse(name, "it must say what it calls, or its summary if it has a handler");
}

function checkSession({ name, needsSession, errors, call }: EndpointModel): void {
  if (needsSession && !errors.includes("InvalidSessionError")) {
    refuse(name, "it needs a session, so InvalidSessionError must be among its errors");
  }
  for (const message of call ? [call.request, call.reply] : []) {
    const session = message.properties[SESSION_FIELD];
    if (session && !isAnyText(session)) {
      refuse(name, `its ${SESSION_FIELD} must be a Type.String, required and free`);
    }
  }
}

/** The HTTP tier fills the `client`, and keeps the `deviceId`. */
function checkClient(name: string, { request, reply }: CallModel): void {
  const client = request.properties[CLIENT_FIELD];
  if (client && !(TypeGuard.IsObject(client) && TypeGuard.IsOptional(client))) {
    refuse(name, `its ${CLIENT_FIELD} must be an optional message: other callers have no browser`);
  }
  const device = reply.properties[DEVICE_FIELD];
  if (device && !(TypeGuard.IsString(device) && TypeGuard.IsOptional(device))) {
    refuse(name, `its ${DEVICE_FIELD} must be an optional Type.String`);
  }
}

function checkBody({ name, methods, body }: EndpointModel): void {
  const fields = fieldNames(body);
  if (fields.length > 0 && methods.includes("GET")) {
    refuse(name, `${fields.join(", ")} can only be in the body of a POST`);
  }
  const odd = fields.find((field) => !/^[A-Za-z_]\w*$/.test(field));
  if (odd !== undefined) refuse(name, `the field ${JSON.stringify(odd)} is no name`);
}

function checkCall({ name, changesState }: EndpointModel, call: CallModel): void {
  const { method, reply, returns, endsSessionIf, unusedPicture } = call;
  checkClient(name, call);
  if (!changesState && !method.idempotent) {
    refuse(name, `${method.name} is not idempotent, so it must say \`changesState: true\``);
  }
  if (method.callers && !method.callers.includes(DEFAULT_CALLER)) {
    const callers = method.callers.join(", ");
    refuse(name, `${method.name} is for ${callers}, and the HTTP tier is "${DEFAULT_CALLER}"`);
  }
  const fieldOf = (field: string) => {
    const schema = Object.hasOwn(reply.properties, field) ? reply.properties[field] : undefined;
    const isThere = schema && !TypeGuard.IsOptional(schema) && field !== SESSION_FIELD;
    return isThere ? schema : undefined;
  };
  if (returns !== undefined && !fieldOf(returns)) {
    refuse(name, `it returns ${returns}, which must be a required field of its reply`);
  }
  if (endsSessionIf !== undefined && !TypeGuard.IsBoolean(fieldOf(endsSessionIf))) {
    refuse(name, `it ends the session if ${endsSessionIf}, which must be a Type.Boolean, required`);
  }
  if (unusedPicture !== undefined && !TypeGuard.IsString(fieldOf(unusedPicture))) {
    refuse(name, `the picture is in ${unusedPicture}, which must be a Type.String, required`);
  }
}

/** The cookie checks the format of a session id, so a bound in the schema would have no effect. */
function isAnyText(schema: unknown): boolean {
  if (!TypeGuard.IsString(schema) || TypeGuard.IsOptional(schema)) return false;
  return Object.keys(schema).every((key) => /^(type|title|description|examples)$/.test(key));
}
