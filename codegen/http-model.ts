import { type TObject, type TSchema, Type, TypeGuard } from "@sinclair/typebox";
import type { CallEndpoint, HttpApi, HttpMethod, OwnEndpoint } from "../schema/endpoint.ts";
import type { DeclaredErrorName } from "../schema/errors.ts";
import { type MessageModel, type MethodModel, SchemaError, type ServiceModel } from "./model.ts";

/** The field that travels in the cookie, not in bodies. */
const SESSION_FIELD = "sessionId";

/** One endpoint of the HTTP API, with all that follows from the method behind it. */
export interface EndpointModel {
  readonly name: string;
  readonly path: string;
  readonly methods: readonly HttpMethod[];
  readonly summary: string;
  /** Other sites may not ask for it. */
  readonly isChanging: boolean;
  readonly needsSession: boolean;
  readonly cookie: "set" | "clear" | undefined;
  readonly errors: readonly DeclaredErrorName[];
  /** A JSON or form body. */
  readonly body: TObject | undefined;
  /** A multipart body. */
  readonly form: TObject | undefined;
  /** The answer's data; undefined for "". */
  readonly data: TSchema | undefined;
  /** Media type of a file that it answers in place of JSON. */
  readonly file: string | undefined;
  /** Undefined where it has a handler of its own. */
  readonly call: CallModel | undefined;
}

export interface CallModel {
  readonly service: ServiceModel;
  readonly method: MethodModel;
  /** Where `data` comes from, and which fields it is: one of the request, or these of the reply. */
  readonly returns: { readonly request: string } | { readonly reply: readonly string[] };
}

/** @throws {SchemaError} an endpoint calls no method, or returns no field, or has another's URL */
export function endpointModels(
  api: HttpApi,
  services: readonly ServiceModel[],
): readonly EndpointModel[] {
  const taken = new Map<string, string>();
  return Object.entries(api).map(([name, spec]) => {
    for (const method of spec.methods) {
      const holder = taken.get(`${method} ${spec.path}`);
      if (holder) {
        throw new SchemaError(`Cannot route ${name} at ${method} ${spec.path}: ${holder} is there`);
      }
      taken.set(`${method} ${spec.path}`, name);
    }
    return "calls" in spec ? callEndpoint(name, spec, services) : ownEndpoint(name, spec);
  });
}

/** The messages that the API shows, by their names. */
export function shownMessages(endpoints: readonly EndpointModel[]): readonly MessageModel[] {
  return [...new Set(endpoints.flatMap(({ call }) => (call ? [call.service] : [])))].flatMap(
    ({ messages }) => messages,
  );
}

function callEndpoint(
  name: string,
  { path, methods, calls, endsSession, returns }: CallEndpoint,
  services: readonly ServiceModel[],
): EndpointModel {
  const [service, method] = findMethod(name, calls, services);
  const request = messageOf(service, method.request);
  const reply = messageOf(service, method.reply);
  const field = returns === undefined ? undefined : request.properties[returns];
  if (returns !== undefined && !field) {
    const why = `${method.request} has no such field`;
    throw new SchemaError(`Cannot return ${returns} from ${name}: ${why}`);
  }
  const body = withoutSession(request);
  const data = withoutSession(reply);
  if (body && methods.includes("GET")) {
    const why = `${fieldNames(body).join(", ")} can only be in the body of a POST`;
    throw new SchemaError(`Cannot route ${name} at GET ${path}: ${why}`);
  }
  const setsCookie = SESSION_FIELD in reply.properties ? "set" : undefined;
  return {
    name,
    path,
    methods,
    summary: method.summary,
    isChanging: !method.idempotent,
    needsSession: SESSION_FIELD in request.properties,
    cookie: endsSession ? "clear" : setsCookie,
    errors: method.errors,
    body,
    form: undefined,
    data: field ?? data,
    file: undefined,
    call: {
      service,
      method,
      returns: returns === undefined ? { reply: fieldNames(data) } : { request: returns },
    },
  };
}

function ownEndpoint(name: string, spec: OwnEndpoint): EndpointModel {
  const { path, methods, summary, form, data, file, errors } = spec;
  return {
    name,
    path,
    methods,
    summary,
    isChanging: !spec.idempotent,
    needsSession: spec.session ?? false,
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
  for (const service of services) {
    for (const method of service.methods) {
      if (`${service.service}.${method.name}` === calls) return [service, method];
    }
  }
  throw new SchemaError(`Cannot route ${endpoint}: there is no method ${calls}`);
}

function messageOf(service: ServiceModel, name: string): TObject {
  const schema = service.messages.find((message) => message.name === name)?.schema;
  if (TypeGuard.IsObject(schema)) return schema;
  throw new SchemaError(`Cannot find the message ${name} of ${service.service}`);
}

/** What is not in the cookie: the message itself where that is all of it, undefined for nothing. */
function withoutSession(message: TObject): TObject | undefined {
  const { [SESSION_FIELD]: session, ...others } = message.properties;
  if (Object.keys(others).length === 0) return undefined;
  return session ? Type.Object(others) : message;
}

/** In the order of the schema. */
export function fieldNames(message: TObject | undefined): readonly string[] {
  return Object.keys(message?.properties ?? {});
}
