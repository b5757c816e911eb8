import { type TSchema, TypeGuard } from "@sinclair/typebox";
import type { Contract, MethodSpec } from "../schema/contract.ts";
import { type DeclaredErrorName, ERROR_NAMES, isDeclaredErrorName } from "../schema/errors.ts";

/** A contract that was checked, with every message by its name. */
export interface ServiceModel {
  /** `User` */
  readonly service: string;
  /** `user`: names the emitted files. */
  readonly file: string;
  /** `schema/user.ts`: where a reader of emitted code finds its source. */
  readonly source: string;
  /** `UserContract`: what the contract is called there. */
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
  readonly hash: string;
}

/** The schema is at fault: says which part, and what it should be. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
}

const MAX_NUMBER = 0xffff;
const HASH_DIGITS = 16;

/**
 * Build the model of a schema file.
 * @param exports what the file exports: one contract, and the messages that its methods name
 * @throws {SchemaError} a number out of range or used twice, or a message that is not exported
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
  const { service, methods: specs } = found.contract;
  const methods = Object.entries(specs).map(([name, spec]) =>
    methodModel(`${service}.${name}`, name, spec, messages, source),
  );
  const file = source.replace(/^.*\//, "").replace(/\.ts$/, "");
  return { service, file, source, contract: found.name, messages, methods };
}

/** The message that a schema is, be it optional in its place or not. */
export function messageOf(
  schema: unknown,
  messages: readonly MessageModel[],
): MessageModel | undefined {
  return messages.find((message) => message.schema === schema || isCopy(schema, message.schema));
}

/** Type.Optional and Type.Readonly copy an object's schema, and leave its parts as they are. */
function isCopy(schema: unknown, message: TSchema): boolean {
  if (!TypeGuard.IsObject(schema) || !TypeGuard.IsObject(message)) return false;
  const isOpen = schema.additionalProperties === message.additionalProperties;
  return schema.properties === message.properties && isOpen;
}

function whatIsThere(): string {
  return `schema/errors.ts has ${ERROR_NAMES.filter(isDeclaredErrorName).join(", ")}`;
}

export function isContract(value: unknown): value is Contract {
  return typeof value === "object" && value !== null && "service" in value && "methods" in value;
}

function methodModel(
  fullName: string,
  name: string,
  spec: MethodSpec,
  messages: readonly MessageModel[],
  source: string,
): MethodModel {
  const { number, summary, idempotent = false, errors } = spec;
  // Codegen runs before the compiler, and in places without one.
  if (!summary) throw new SchemaError(`Cannot describe ${fullName}: it has no summary`);
  if (!errors) throw new SchemaError(`Cannot read ${fullName}: it lacks errors: [] for none`);
  for (const error of errors) {
    if (isDeclaredErrorName(error)) continue;
    throw new SchemaError(`Cannot declare ${error} in ${fullName}: ${whatIsThere()}`);
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
  // The name counts, too: a number that was taken over must not answer to the calls of another.
  const shape = { name: fullName, number, idempotent, errors };
  const hash = digest({ ...shape, request: spec.request, reply: spec.reply });
  return { name, number, summary, idempotent, request, reply, errors, hash };
}

/** Whether this part of a schema is for people, and may change: no side depends on it. */
export function isForPeople(key: string, value: unknown): boolean {
  // A field of such a name is an object.
  if (key === "examples") return Array.isArray(value);
  // Says again what the pattern beside it says.
  if (key === "documented") return typeof value === "object" && value !== null && "not" in value;
  if (key === "deprecated") return typeof value === "boolean";
  return ["title", "description", "$comment"].includes(key) && typeof value === "string";
}

/** Of everything that both sides must agree on. */
function digest(shape: unknown): string {
  const text = JSON.stringify(shape, (key, value) => (isForPeople(key, value) ? undefined : value));
  return new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, HASH_DIGITS);
}
