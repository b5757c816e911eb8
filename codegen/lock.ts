import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { ERROR_NAMES, ERRORS, type ErrorName } from "../schema/errors.ts";
import type { EndpointModel } from "./http-model.ts";
import {
  isDocumentation,
  type MessageModel,
  messageOf,
  SchemaError,
  type ServiceModel,
} from "./model.ts";

/** The path of the lock, relative to the root. */
export const LOCK_PATH = "codegen/contract.lock.json";

/** A JSON Schema: the keywords that a comparison needs. All others are bounds. */
const Shape = Type.Recursive((Self) =>
  Type.Object({
    /** Another message, by its name in the lock. */
    $ref: Type.Optional(Type.String()),
    type: Type.Optional(Type.String()),
    const: Type.Optional(Type.Unknown()),
    anyOf: Type.Optional(Type.Array(Self)),
    items: Type.Optional(Self),
    properties: Type.Optional(Type.Record(Type.String(), Self)),
    patternProperties: Type.Optional(Type.Record(Type.String(), Self)),
    additionalProperties: Type.Optional(Type.Unknown()),
    required: Type.Optional(Type.Array(Type.String())),
  }),
);
export type Shape = Static<typeof Shape>;

const LockedMethod = Type.Object({
  /** `User.signIn` */
  name: Type.String(),
  idempotent: Type.Boolean(),
  errors: Type.Array(Type.String()),
  /** Absent if every caller may call it. */
  callers: Type.Optional(Type.Array(Type.String())),
  /** `User.Credentials` */
  request: Type.String(),
  reply: Type.String(),
  /** The hashes of every shape since the last breaking change, newest first. */
  hashes: Type.Array(Type.String()),
});
export type LockedMethod = Static<typeof LockedMethod>;

const LockedEndpoint = Type.Object({
  /** The method that answers, or the endpoint's name if the endpoint has its own handler. */
  answeredBy: Type.String(),
  /** The field of the reply that becomes the answer. */
  returns: Type.Optional(Type.String()),
  /** The form and the answer of an endpoint that has its own handler. */
  form: Type.Optional(Shape),
  data: Type.Optional(Shape),
});

/** The published contract, which existing clients rely on. */
const Lock = Type.Object({
  /** By number. */
  methods: Type.Record(Type.String(), LockedMethod),
  /** By service and name. */
  messages: Type.Record(Type.String(), Shape),
  /** By HTTP method and path. */
  endpoints: Type.Record(Type.String(), LockedEndpoint),
  /** The error table of HTTP, by name. */
  errors: Type.Record(Type.String(), Type.Object({ code: Type.String(), status: Type.Integer() })),
  /**
   * Numbers that methods no longer use, with the names of the methods. No entry is ever removed.
   */
  retired: Type.Record(Type.String(), Type.String()),
});
export type Lock = Static<typeof Lock>;

export const EMPTY_LOCK: Lock = {
  methods: {},
  messages: {},
  endpoints: {},
  errors: {},
  retired: {},
};

/** @throws {SchemaError} the text is no lock, for example with the marks of a merge conflict */
export function parseLock(text: string): Lock {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SchemaError(`Cannot read ${LOCK_PATH}: it is not JSON`, { cause });
  }
  if (Value.Check(Lock, value)) return value;
  const { path, message } = Value.Errors(Lock, value).First() ?? { path: "", message: "no lock" };
  throw new SchemaError(`Cannot read ${LOCK_PATH}: ${path}: ${message}`);
}

/** The lock of these schemas if nothing was published before. Its order is always the same. */
export function lockOf(
  services: readonly ServiceModel[],
  endpoints: readonly EndpointModel[] = [],
): Lock {
  const methods = services.flatMap(({ service, methods }) =>
    methods.map(({ name, number, idempotent, errors, callers, request, reply, hash }) => {
      const messages = { request: `${service}.${request}`, reply: `${service}.${reply}` };
      const locked = { name: `${service}.${name}`, idempotent, errors, callers, ...messages };
      return [number, { ...locked, hashes: [hash] }] as const;
    }),
  );
  const messages = services.flatMap(({ service, messages }) =>
    messages.map(({ name, schema }) => {
      return [`${service}.${name}`, shapeOf(service, schema, messages)] as const;
    }),
  );
  messages.sort(([one], [other]) => (one < other ? -1 : 1));
  return parseLock(
    JSON.stringify({
      methods: Object.fromEntries(methods), // An object keeps whole numbers in ascending order.
      messages: Object.fromEntries(messages),
      endpoints: Object.fromEntries(endpoints.flatMap(lockedEndpoint)),
      errors: Object.fromEntries(ERROR_NAMES.map((name) => [name, rowOf(name)])),
      retired: {},
    }),
  );
}

/**
 * The lock that is recorded next: `now`, with the hashes of older shapes that are still compatible.
 * @param broken the accepted breaks: the older shapes of their methods are dropped
 */
export function successor(
  before: Lock,
  now: Lock,
  broken: readonly { readonly number: string | undefined }[],
): Lock {
  const numbers = new Set(broken.map(({ number }) => number));
  const methods = Object.entries(now.methods).map(([number, method]): [string, LockedMethod] => {
    const older = numbers.has(number) ? [] : (before.methods[number]?.hashes ?? []);
    return [number, { ...method, hashes: [...new Set([...method.hashes, ...older])] }];
  });
  const gone = Object.entries(before.methods)
    .filter(([number, { name }]) => now.methods[number]?.name !== name)
    .map(([number, { name }]) => [number, name] as const);
  return {
    ...now,
    methods: Object.fromEntries(methods),
    retired: { ...before.retired, ...Object.fromEntries(gone) },
  };
}

function lockedEndpoint(endpoint: EndpointModel): [string, unknown][] {
  const { name, path, call, form, data } = endpoint;
  const locked = call
    ? { answeredBy: `${call.service.service}.${call.method.name}`, returns: call.returns }
    : {
        answeredBy: name,
        form: form && shapeOf("", form, []),
        data: data && shapeOf("", data, []),
      };
  return endpoint.methods.map((method) => [`${method} ${path}`, locked]);
}

function rowOf(name: ErrorName) {
  const { code, status } = ERRORS[name];
  return { code, status };
}

function shapeOf(service: string, schema: TSchema, messages: readonly MessageModel[]): unknown {
  const text = JSON.stringify(schema, (key, value) => {
    if (isDocumentation(key, value)) return undefined;
    const named = value === schema ? undefined : messageOf(value, messages);
    return named ? { $ref: `${service}.${named.name}` } : value;
  });
  return JSON.parse(text);
}
