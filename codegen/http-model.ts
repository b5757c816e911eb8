import { type TObject, type TSchema, Type, TypeGuard } from "@sinclair/typebox";
import leven from "leven";
import type { CallEndpoint, HttpApi, HttpMethod, OwnEndpoint } from "../schema/endpoint.ts";
import { type DeclaredErrorName, ERROR_NAMES } from "../schema/errors.ts";
import { type MessageModel, type MethodModel, SchemaError, type ServiceModel } from "./model.ts";

export const HTTP_API_SOURCE = "schema/http-api.ts";

/** The field that travels in the cookie, not in bodies. */
export const SESSION_FIELD = "sessionId";
/** The field of a request that the HTTP tier fills with what it knows of the browser. */
export const CLIENT_FIELD = "client";
/** The field of a reply that travels in the cookie of the device. */
export const DEVICE_FIELD = "deviceId";

/** One endpoint of the HTTP API, with everything that follows from its method. */
export interface EndpointModel {
  readonly name: string;
  readonly path: string;
  readonly methods: readonly HttpMethod[];
  readonly summary: string;
  /** The group of the endpoint in the documentation. */
  readonly tag: string;
  /** If true, requests of other sites are refused. */
  readonly changesState: boolean;
  readonly needsSession: boolean;
  /** The HTTP tier tells the method what it knows of the browser. */
  readonly needsClient: boolean;
  readonly cookie: "set" | "clear" | undefined;
  readonly errors: readonly DeclaredErrorName[];
  /** A JSON or form body. */
  readonly body: TObject | undefined;
  /** A multipart body. */
  readonly form: TObject | undefined;
  /** The answer's data; undefined for "". */
  readonly data: TSchema | undefined;
  /** The media type, if the answer is a file instead of JSON. */
  readonly file: string | undefined;
  /** Undefined if the endpoint has its own handler. */
  readonly call: CallModel | undefined;
}

export interface CallModel {
  readonly service: ServiceModel;
  readonly method: MethodModel;
  readonly request: TObject;
  readonly reply: TObject;
  /** The field of the reply that is `data`. If undefined, all fields that no cookie takes are. */
  readonly returns: string | undefined;
  /** The field of the reply that says whether the session has ended. */
  readonly endsSessionIf: string | undefined;
  /** The field of the reply that names a picture to remove. */
  readonly unusedPicture: string | undefined;
}

/**
 * Join each endpoint with its method. check-endpoint.ts checks the result.
 * @throws {SchemaError} an endpoint calls a method that does not exist
 */
export function endpointModels(
  api: HttpApi,
  services: readonly ServiceModel[],
): readonly EndpointModel[] {
  return Object.entries(api).map(([name, spec]) =>
    "calls" in spec ? callEndpoint(name, spec, services) : ownEndpoint(name, spec),
  );
}

/**
 * The messages that the API may show. If two messages, or a message and an error, have the same
 * name, the name of the service is put before it.
 */
export function shownMessages(endpoints: readonly EndpointModel[]): readonly MessageModel[] {
  const services = new Set(endpoints.flatMap(({ call }) => (call ? [call.service] : [])));
  const all = [...services].flatMap(({ service, messages }) =>
    messages.map((message) => ({ service, ...message })),
  );
  const names = [...ERROR_NAMES, ...all.map(({ name }) => name)];
  return all.map(({ service, name, schema }) => {
    const isAmbiguous = names.indexOf(name) !== names.lastIndexOf(name);
    return { name: isAmbiguous ? `${service}.${name}` : name, schema };
  });
}

function callEndpoint(
  name: string,
  { path, methods, calls, changesState, endsSession, returns, unusedPicture }: CallEndpoint,
  services: readonly ServiceModel[],
): EndpointModel {
  const [service, method] = findMethod(name, calls, services);
  const request = findMessage(service, method.request);
  const reply = findMessage(service, method.reply);
  const setsCookie = SESSION_FIELD in reply.properties ? "set" : undefined;
  const endsSessionIf = typeof endsSession === "string" ? endsSession : undefined;
  const kept = [SESSION_FIELD, DEVICE_FIELD, endsSessionIf, unusedPicture];
  return {
    name,
    path,
    methods,
    summary: method.summary,
    tag: service.service,
    changesState,
    needsSession: SESSION_FIELD in request.properties,
    needsClient: CLIENT_FIELD in request.properties,
    cookie: endsSession === true ? "clear" : setsCookie,
    errors: method.errors,
    body: without(request, [SESSION_FIELD, CLIENT_FIELD]),
    form: undefined,
    data: returns === undefined ? without(reply, kept) : reply.properties[returns],
    file: undefined,
    call: { service, method, request, reply, returns, endsSessionIf, unusedPicture },
  };
}

function ownEndpoint(name: string, spec: OwnEndpoint): EndpointModel {
  const { path, methods, summary, tag, changesState, form, data, file, errors } = spec;
  return {
    name,
    path,
    methods,
    summary,
    tag,
    changesState,
    needsSession: spec.session ?? false,
    needsClient: false,
    cookie: undefined,
    errors,
    body: undefined,
    form,
    data,
    file,
    call: undefined,
  };
}

function findMethod(
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
  throw new SchemaError(
    `Cannot route ${endpoint} of ${HTTP_API_SOURCE}: there is no method ${calls}${hint}`,
  );
}

function findMessage(service: ServiceModel, name: string): TObject {
  const schema = service.messages.find((message) => message.name === name)?.schema;
  if (TypeGuard.IsObject(schema)) return schema;
  throw new SchemaError(`Cannot find the message ${name} of ${service.service}`);
}

/** The message without these fields; undefined if no field is left. */
function without(message: TObject, fields: readonly (string | undefined)[]): TObject | undefined {
  const all = Object.entries(message.properties);
  const others = all.filter(([name]) => !fields.includes(name));
  if (others.length === 0) return undefined;
  return others.length < all.length ? Type.Object(Object.fromEntries(others)) : message;
}

/** The names of the fields, in the order of the schema. */
export function fieldNames(message: TObject | undefined): readonly string[] {
  return Object.keys(message?.properties ?? {});
}
