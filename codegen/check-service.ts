import { FormatRegistry, type TSchema, TypeGuard } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { CALLER_NAME, DEFAULT_CALLER } from "../schema/callers.ts";
import { SchemaError, type ServiceModel } from "./model.ts";
import { constantName, variableName } from "./text.ts";

/** Names that emitted code uses for something else. */
const TAKEN = [
  ...["Record", "Promise", "Readonly", "TypeCompiler", "schema"],
  ...["Method", "Validator", "Caller", "CallOptions", "CallContext", "DispatchTable"],
  ...["dispatchTable", "entry"],
];

/** Folders of src that belong to no service. A service with such a name would share the folder. */
const FOLDERS = new Set(["rpc", "gen", "http", "storage", "cli", "testing"]);

/** @throws {SchemaError} a number is used twice, a name cannot be emitted, or a schema is wrong */
export function checkServices(services: readonly ServiceModel[]): void {
  checkNumbers(services);
  for (const service of services) {
    checkNames(service);
    checkCallers(service);
    for (const { name, schema } of service.messages) checkSchema(schema, name, service.source);
  }
}

/** Service names and method numbers are unique over all services. */
function checkNumbers(services: readonly ServiceModel[]): void {
  const sources = new Map<string, string>();
  const holders = new Map<number, string>();
  for (const { service, source, methods } of services) {
    const other = sources.get(service);
    if (other) throw new SchemaError(`Cannot name ${service} in ${source}: ${other} has it`);
    sources.set(service, source);
    for (const { name, number } of methods) {
      const holder = holders.get(number);
      if (holder) {
        const free = `${nextFree(number, services)} is free`;
        throw new SchemaError(
          `Cannot number ${service}.${name} ${number}: ${holder} has it; ${free}`,
        );
      }
      holders.set(number, `${service}.${name}`);
    }
  }
}

function nextFree(number: number, services: readonly ServiceModel[]): number {
  const taken = services.flatMap(({ methods }) => methods.map((method) => method.number));
  let free = number;
  while (taken.includes(free)) free++;
  return free;
}

/** Every name becomes a name in TypeScript, and is used once. */
function checkNames({ service, source, file, messages, methods }: ServiceModel): void {
  const refuse = (name: string, why: string): never => {
    throw new SchemaError(`Cannot use the name ${name} in ${source}: ${why}`);
  };
  if (!/^[A-Z][A-Za-z0-9]*$/.test(service)) refuse(service, "a service has a name like AuditLog");
  if (FOLDERS.has(file)) refuse(file, `src/${file} exists already: rename the file`);
  if (methods.length === 0) refuse(service, "it has no methods");
  const taken = new Map(TAKEN.map((name) => [name, "emitted code uses it"]));
  const take = (name: string, use: string): void => {
    const user = taken.get(name);
    if (user !== undefined) refuse(name, user);
    taken.set(name, `it is the name of ${use}`);
  };
  take(`${service}Client`, "the client");
  take(`${service}Service`, "the service");
  take(`${variableName(service)}Dispatch`, "the dispatch table");
  for (const { name } of methods) {
    if (!/^[a-z][A-Za-z0-9]*$/.test(name)) refuse(name, "a method has a name like signIn");
    if (name in Object.prototype) refuse(name, "every object has a member of this name");
    take(constantName(name), `the constant of the method ${name}`);
  }
  for (const { name } of messages) {
    if (!/^[A-Za-z][A-Za-z0-9]*$/.test(name)) refuse(name, "a message has a name like SessionRef");
    take(name, "a message");
  }
}

/** The callers of a method have names that RPC_TOKENS can give, each once. */
function checkCallers({ service, source, methods }: ServiceModel): void {
  for (const { name, callers = [DEFAULT_CALLER] } of methods) {
    const odd = callers.find((each, index) => {
      return !CALLER_NAME.test(each) || callers.indexOf(each) !== index;
    });
    if (callers.length > 0 && odd === undefined) continue;
    const why = odd === undefined ? "name one, or leave out callers" : `not "${odd}"`;
    throw new SchemaError(
      `Cannot read the callers of ${service}.${name} in ${source}: ${why}; ` +
        "a caller has a name like batch-job, once",
    );
  }
}

/** Every value of the schema can be checked, and its examples pass the check. */
function checkSchema(schema: TSchema, where: string, source: string): void {
  const refuse = (why: string): never => {
    throw new SchemaError(`Cannot use ${where} in ${source}: ${why}`);
  };
  const { format, examples = [] } = schema;
  if (typeof format === "string" && !FormatRegistry.Has(format)) {
    refuse(`the format ${format} is not registered, so that it would refuse every value`);
  }
  for (const example of examples) {
    if (!Value.Check(schema, example)) {
      refuse(`its example ${JSON.stringify(example)} does not match it`);
    }
  }
  if (TypeGuard.IsRecord(schema)) {
    // Without this, the values of keys that do not match its pattern would pass unchecked.
    if (schema.additionalProperties !== false) {
      refuse("a record needs additionalProperties: false");
    }
    for (const each of Object.values(schema.patternProperties)) {
      checkSchema(each, `${where}[]`, source);
    }
  }
  if (TypeGuard.IsObject(schema)) {
    for (const [field, type] of Object.entries(schema.properties)) {
      if (field in Object.prototype) refuse(`every object has a member ${field}`);
      checkSchema(type, `${where}.${field}`, source);
    }
  }
  if (TypeGuard.IsArray(schema)) checkSchema(schema.items, `${where}[]`, source);
  if (TypeGuard.IsUnion(schema)) {
    for (const member of schema.anyOf) checkSchema(member, where, source);
  }
}
