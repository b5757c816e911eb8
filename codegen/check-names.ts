import { SchemaError, type ServiceModel } from "./model.ts";
import { constantName, variableName } from "./text.ts";

/** Names that emitted code uses for something else. */
const TAKEN = [
  ...["Record", "Promise", "Readonly", "TypeCompiler", "schema"],
  ...["Method", "Validator", "Caller", "CallOptions", "CallContext", "DispatchTable"],
  ...["dispatchTable", "entry"],
];

/** Folders of src that are no service's: one with such a name would get into them. */
const FOLDERS = new Set(["rpc", "gen", "http", "storage", "cli", "testing"]);

/**
 * Emitted code is made of the names in a schema: find those that it could not be made of.
 * @throws {SchemaError} a name that is none in TypeScript, or that is used twice
 */
export function checkNames({ service, source, file, messages, methods }: ServiceModel): void {
  const refuse = (name: string, why: string): never => {
    throw new SchemaError(`Cannot use the name ${name} in ${source}: ${why}`);
  };
  if (!/^[A-Z][A-Za-z0-9]*$/.test(service)) refuse(service, "a service's is like AuditLog");
  if (FOLDERS.has(file)) refuse(file, `src/${file} is there already: rename the file`);
  if (methods.length === 0) refuse(service, "it has no methods");
  const taken = new Map(TAKEN.map((name) => [name, "emitted code uses it"]));
  const take = (name: string, use: string): void => {
    const user = taken.get(name);
    if (user !== undefined) refuse(name, user);
    taken.set(name, `it is ${use}`);
  };
  take(`${service}Client`, "the client's");
  take(`${service}Service`, "the service's");
  take(`${variableName(service)}Dispatch`, "the dispatch table's");
  for (const { name } of methods) {
    if (!/^[a-z][A-Za-z0-9]*$/.test(name)) refuse(name, "a method's is like signIn");
    if (name in Object.prototype) refuse(name, "every object has a member of this name");
    take(constantName(name), `emitted for the method ${name}`);
  }
  for (const { name } of messages) {
    if (!/^[A-Za-z][A-Za-z0-9]*$/.test(name)) refuse(name, "a message's is like SessionRef");
    take(name, "a message's");
  }
}
