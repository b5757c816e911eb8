import { TypeGuard } from "@sinclair/typebox";
import leven from "leven";
import type { EndpointSpec } from "../schema/endpoint.ts";
import { type EndpointModel, SESSION_FIELD } from "./http-model.ts";
import { type MethodModel, SchemaError, type ServiceModel } from "./model.ts";

const PATH = /^(\/(:[a-z][A-Za-z0-9]*|[\w.~-]+))+$/;
const METHODS: ReadonlySet<unknown> = new Set(["GET", "POST"]);

function refuse(endpoint: string, why: string): never {
  throw new SchemaError(`Cannot route ${endpoint} of schema/http-api.ts: ${why}`);
}

/** @throws {SchemaError} what is declared is no endpoint */
export function checkSpec(name: string, spec: EndpointSpec): void {
  const { path, methods } = spec;
  if (!/^[a-z][A-Za-z0-9]*$/.test(name)) refuse(name, "its name must be one like signIn");
  if (!PATH.test(path)) refuse(name, `${path} is no path like /api/user/:name`);
  if (methods.length === 0 || !methods.every((method) => METHODS.has(method))) {
    refuse(name, `its methods are ${methods.join(", ") || "none"}, must be GET or POST`);
  }
  // Never guessed: what is taken for a read by mistake can be asked for by any site.
  if (typeof spec.changesState !== "boolean") {
    refuse(name, "it must say whether it changes state: `changesState: true` or `false`");
  }
  if ("calls" in spec) {
    if (path.includes(":")) refuse(name, `nothing of ${path} would get into ${spec.calls}`);
  } else if (!("summary" in spec)) {
    refuse(name, "it must say what it calls, or its summary where it has its own handler");
  }
}

/** @throws {SchemaError} the method and the endpoint do not fit */
export function checkEndpoint(endpoint: EndpointModel): void {
  const { name, methods, body, needsSession, errors, call } = endpoint;
  if (needsSession && !errors.includes("InvalidSessionError")) {
    refuse(name, "it needs a session, so InvalidSessionError must be among its errors");
  }
  const fields = Object.keys(body?.properties ?? {});
  if (fields.length > 0 && methods.includes("GET")) {
    refuse(name, `${fields.join(", ")} can only be in the body of a POST`);
  }
  const odd = fields.find((field) => !/^[A-Za-z_]\w*$/.test(field));
  if (odd !== undefined) refuse(name, `the field ${JSON.stringify(odd)} is no name`);
  if (!call) return;
  const { request, reply, method, returns } = call;
  if (!endpoint.changesState && !method.idempotent) {
    refuse(name, `${method.name} is not idempotent, so it must say \`changesState: true\``);
  }
  for (const message of [request, reply]) {
    const session = message.properties[SESSION_FIELD];
    if (session && !isAnyText(session)) {
      refuse(name, `${SESSION_FIELD} of ${method.name} must be a Type.String, required and free`);
    }
  }
  if (returns === undefined) return;
  const field = Object.hasOwn(reply.properties, returns) ? reply.properties[returns] : undefined;
  if (!field || TypeGuard.IsOptional(field) || returns === SESSION_FIELD) {
    refuse(name, `it returns ${returns}, which must be a required field of its reply`);
  }
}

/** Its cookie is judged apart: no bound of the schema could be kept. */
function isAnyText(schema: unknown): boolean {
  if (!TypeGuard.IsString(schema) || TypeGuard.IsOptional(schema)) return false;
  return Object.keys(schema).every((key) => /^(type|title|description|examples)$/.test(key));
}

/** @throws {SchemaError} there is no such method, with what was perhaps meant */
export function findMethod(
  endpoint: string,
  calls: string,
  services: readonly ServiceModel[],
): [ServiceModel, MethodModel] {
  const all = services.flatMap((service) =>
    service.methods.map((method) => ({
      service,
      method,
      name: `${service.service}.${method.name}`,
    })),
  );
  const found = all.find(({ name }) => name === calls);
  if (found) return [found.service, found.method];
  const [nearest] = all.toSorted((one, other) => leven(one.name, calls) - leven(other.name, calls));
  const hint = nearest ? `, perhaps ${nearest.name}?` : "";
  return refuse(endpoint, `there is no method ${calls}${hint}`);
}
