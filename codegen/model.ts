import { type TSchema, TypeGuard } from "@sinclair/typebox";
import type { Contract, MethodSpec } from "../schema/contract.ts";
import { DECLARED_ERRORS, type DeclaredErrorName, isDeclaredErrorName } from "../schema/errors.ts";

/** A contract in the form that codegen uses, with the name of every message. */
export interface ServiceModel {
  /** `User` */
  readonly service: string;
  /** `user`: the name of the emitted file. */
  readonly file: string;
  /** `schema/user.ts`: the source that emitted code names. */
  readonly source: string;
  /** `UserContract`: the name of the contract there. */
  readonly contract: string;
  readonly messages: readonly MessageModel[];
  readonly methods: readonly MethodModel[];
}

export interface MessageModel {
  readonly name: string;
  readonly schema: TSchema;
}

export interface MethodModel {
  readonly name: string;
  readonly number: number;
  readonly summary: string;
  readonly idempotent: boolean;
  readonly request: string;
  readonly reply: string;
  readonly errors: readonly DeclaredErrorName[];
  /** Undefined if every caller may call it. */
  readonly callers: readonly string[] | undefined;
  readonly hash: string;
}

/** The schema is wrong. The message names the wrong part and the remedy. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
}

const MAX_NUMBER = 0xffff;
const HASH_DIGITS = 16;

/**
 * Build the model of a schema file.
 * @param exports of the file: one contract, and the messages that its methods name
 * @throws {SchemaError} a number is out of range, or a message is not exported
 */
export function serviceModel(source: string, exports: Record<string, unknown>): ServiceModel {
  const contracts = Object.entries(exports).flatMap(([name, value]) =>
    isContract(value) ? [{ name, contract: value }] : [],
  );
  const [found] = contracts;
  if (!found || contracts.length > 1) {
    throw new SchemaError(`Cannot read ${source}: ${contracts.length} contracts, expected one`);
  }
  const messages = Object.entries(exports).flatMap(([name, schema]) =>
    TypeGuard.IsSchema(schema) ? [{ name, schema }] : [],
  );
  const { service, methods: specs, callers } = found.contract;
  const methods = Object.entries(specs).map(([name, spec]) =>
    methodModel(name, { callers, ...spec }, service, messages, source),
  );
  const file = source.replace(/^.*\//, "").replace(/\.ts$/, "");
  return { service, file, source, contract: found.name, messages, methods };
}

/** The message of a schema, which may be optional in its place. */
export function messageOf(
  schema: unknown,
  messages: readonly MessageModel[],
): MessageModel | undefined {
  return messages.find((message) => message.schema === schema || isCopy(schema, message.schema));
}

/** Type.Optional and Type.Readonly copy the schema of an object, but not its parts. */
function isCopy(schema: unknown, message: TSchema): boolean {
  if (!TypeGuard.IsObject(schema) || !TypeGuard.IsObject(message)) return false;
  const isOpen = schema.additionalProperties === message.additionalProperties;
  return schema.properties === message.properties && isOpen;
}

export function isContract(value: unknown): value is Contract {
  return typeof value === "object" && value !== null && "service" in value && "methods" in value;
}

/** A method, with the callers of its contract unless it has its own. */
type WithCallers = Omit<MethodSpec, "callers"> & Pick<MethodModel, "callers">;

function methodModel(
  name: string,
  spec: WithCallers,
  service: string,
  messages: readonly MessageModel[],
  source: string,
): MethodModel {
  const { number, summary, idempotent = false, errors, callers } = spec;
  const fullName = `${service}.${name}`;
  // Codegen runs before the compiler, and on machines without one.
  if (!summary) throw new SchemaError(`Cannot describe ${fullName}: it has no summary`);
  if (!errors) throw new SchemaError(`Cannot read ${fullName}: it needs errors, [] for none`);
  for (const error of errors) {
    if (isDeclaredErrorName(error)) continue;
    const known = DECLARED_ERRORS.join(", ");
    throw new SchemaError(`Cannot declare ${error} in ${fullName}: schema/errors.ts has ${known}`);
  }
  if (!Number.isInteger(number) || number < 1 || number > MAX_NUMBER) {
    throw new SchemaError(`Cannot number ${fullName} ${number}: not in 1 to ${MAX_NUMBER}`);
  }
  const nameOf = (schema: TSchema, role: string): string => {
    const message = messages.find((candidate) => candidate.schema === schema);
    if (message && TypeGuard.IsObject(schema)) return message.name;
    throw new SchemaError(
      `Cannot name the ${role} of ${fullName}: ` +
        `it must be an exported const of ${source}, made by Type.Object`,
    );
  };
  const request = nameOf(spec.request, "request");
  const reply = nameOf(spec.reply, "reply");
  // Hash the name, too: a method must not answer the calls of another one that had its number.
  const shape = { name: fullName, number, idempotent, errors, callers };
  const hash = digest({ ...shape, request: spec.request, reply: spec.reply });
  return { name, number, summary, idempotent, request, reply, errors, callers, hash };
}

/**
 * Whether a keyword only documents the schema. Such a keyword may change: neither side depends on
 * it.
 */
export function isDocumentation(key: string, value: unknown): boolean {
  // The value decides, too: a field can have the name of a keyword, and its value is an object.
  if (key === "examples") return Array.isArray(value);
  // The same rule as `unicodePattern`, for documents.
  if (key === "documented") return typeof value === "object" && value !== null && "not" in value;
  if (key === "deprecated") return typeof value === "boolean";
  return ["title", "description", "$comment"].includes(key) && typeof value === "string";
}

/** The digest of everything that both sides must agree on. */
function digest(shape: unknown): string {
  const text = JSON.stringify(shape, (key, value) =>
    isDocumentation(key, value) ? undefined : value,
  );
  return new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, HASH_DIGITS);
}
