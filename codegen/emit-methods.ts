import type { MethodModel, ServiceModel } from "./model.ts";
import { constantName, errorType, header, messageNames } from "./text.ts";

/** The methods as data: what the client sends by and the server dispatches by. */
export function emitMethods({ service, source, file, methods }: ServiceModel): string {
  return [
    header(source),
    'import type { Method } from "../rpc/call.ts";',
    `import { ${messageNames(methods)} } from "./${file}-messages.ts";`,
    "",
    methods.map((method) => descriptor(service, method)).join("\n\n"),
    "",
  ].join("\n");
}

function descriptor(service: string, method: MethodModel): string {
  const { name, number, hash, idempotent, errors, request, reply } = method;
  const names = errors.map((error) => `"${error}"`);
  const type = `Method<${request}, ${reply}, ${errorType(method)}>`;
  const errorDeclaration = `export type ${errorType(method)} = ${names.join(" | ")};\n\n`;
  return `${names.length > 0 ? errorDeclaration : ""}export const ${constantName(name)}: ${type} = {
  name: "${service}.${name}",
  number: ${number},
  hash: "${hash}",
  idempotent: ${idempotent},
  errors: [${names.join(", ")}],
  request: ${request},
  reply: ${reply},
};`;
}
