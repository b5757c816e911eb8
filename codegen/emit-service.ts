import type { Lock } from "./lock.ts";
import { type MessageModel, type MethodModel, messageOf, type ServiceModel } from "./model.ts";
import { constantName, docComment, header, originDoc, variableName } from "./text.ts";
import { described, interfaceOf } from "./types.ts";

/**
 * The file of a service: its messages and methods as data, the client that calls the methods, and
 * the interface and dispatch table of the server that answers them.
 */
export function emitService(model: ServiceModel, lock: Lock): string {
  const { source, file, messages, methods } = model;
  return [
    header(source),
    'import { TypeCompiler } from "@sinclair/typebox/compiler";',
    `import * as schema from "../../schema/${file}.ts";`,
    "import { type Caller, type CallContext, type CallOptions, type DispatchTable, dispatchTable,",
    '  entry, type Method, type Validator } from "../rpc/method.ts";',
    "",
    [
      ...messages.map((message) => messageDeclarations(message, model)),
      ...methods.map((method) => methodConstant(method, model, lock)),
      clientClass(model),
      serviceInterface(model),
      dispatchFunction(model),
    ].join("\n\n"),
    "",
  ].join("\n");
}

/**
 * A type and a validator, compiled once per process. Both have the name of the message, just as a
 * class has one name for its type and its value.
 */
function messageDeclarations(
  { name, schema }: MessageModel,
  { source, messages }: ServiceModel,
): string {
  const nameOf = (each: unknown) => messageOf(each, messages)?.name;
  return `${originDoc(name, source, ...described(schema))}
export ${interfaceOf(name, schema, nameOf)}

/** The check of \`${name}\` in ${source}. */
export const ${name}: Validator<${name}> = TypeCompiler.Compile(schema.${name});`;
}

/** The description of a method, which the client sends by and the server dispatches by. */
function methodConstant(
  method: MethodModel,
  { service, source, contract }: ServiceModel,
  lock: Lock,
): string {
  const { name, summary, number, hash, idempotent, callers, request, reply } = method;
  const older = lock.methods[number]?.hashes.slice(1) ?? [];
  const only = callers ? `\n  callers: ${JSON.stringify(callers)},` : "";
  const type = `Method<${request}, ${reply}, ${errorType(method)}>`;
  return `${originDoc(`${contract}.${name}`, source, summary)}
export const ${constantName(name)}: ${type} = {
  name: "${service}.${name}",
  summary: ${JSON.stringify(summary)},
  number: ${number},
  hash: "${hash}",${older.length > 0 ? `\n  olderHashes: ${JSON.stringify(older)},` : ""}
  idempotent: ${idempotent},
  errors: ${JSON.stringify(method.errors)},${only}
  request: ${request},
  reply: ${reply},
};`;
}

/** The client: one line for each method, on top of a `Caller`. */
function clientClass({ service, source, contract, methods }: ServiceModel): string {
  const stubs = methods.map((method) => {
    const { name, request, reply } = method;
    return `${methodDoc(method)}
  ${name}(request: ${request}, options?: CallOptions): Promise<${reply}> {
    return this.#caller.call(${constantName(name)}, request, options);
  }`;
  });
  return `${originDoc(contract, source, `Calls the methods of ${service}.`)}
export class ${service}Client {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

${stubs.join("\n\n")}
}`;
}

function serviceInterface({ service, source, contract, methods }: ServiceModel): string {
  const members = methods.map((method) => {
    const { name, request, reply } = method;
    const context = `CallContext<${errorType(method)}>`;
    return `${methodDoc(method)}
  ${name}(request: ${request}, context: ${context}): Promise<${reply}>;`;
  });
  return `${originDoc(contract, source, `What a server of ${service} does.`)}
export interface ${service}Service {
${members.join("\n\n")}
}`;
}

function dispatchFunction({ service, source, contract, methods }: ServiceModel): string {
  const entries = methods.map(({ name }) => {
    const handler = `(request, context) => service.${name}(request, context)`;
    return `    entry(${constantName(name)}, ${handler}),`;
  });
  return `${originDoc(contract, source, `What a Listener runs for each call of ${service}.`)}
export function ${variableName(service)}Dispatch(service: ${service}Service): DispatchTable {
  return dispatchTable(service, [
${entries.join("\n")}
  ]);
}`;
}

/** The type of the errors that a method declares. */
function errorType({ errors }: MethodModel): string {
  return errors.map((error) => JSON.stringify(error)).join(" | ") || "never";
}

function methodDoc({ summary, errors, callers }: MethodModel): string {
  return docComment(
    summary,
    ...(errors.length > 0 ? [`Errors: ${errors.join(", ")}.`] : []),
    ...(callers ? [`Callers: ${callers.join(", ")}.`] : []),
  );
}
