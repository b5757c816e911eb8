import type { Lock } from "./lock.ts";
import type { MethodModel, ServiceModel } from "./model.ts";
import { constantName, errorType, header, messageNames, originDoc } from "./text.ts";

/** The methods as data: what the client sends by and the server dispatches by. */
export function emitMethods(
  { service, source, contract, file, methods }: ServiceModel,
  lock: Lock,
): string {
  return [
    header(source),
    'import type { Method } from "../rpc/method.ts";',
    `import { ${messageNames(methods)} } from "./${file}-messages.ts";`,
    "",
    methods
      .map((method) => {
        const origin = `${contract}.${method.name}`;
        const doc = originDoc(origin, source, method.summary);
        return `${errorsOf(method, origin, source)}${doc}\n${descriptor(service, method, lock)}`;
      })
      .join("\n\n"),
    "",
  ].join("\n");
}

/** The type of what a method may answer beside its reply; nothing where that is nothing. */
function errorsOf(method: MethodModel, origin: string, source: string): string {
  if (method.errors.length === 0) return "";
  const names = method.errors.map((error) => `"${error}"`).join(" | ");
  const doc = originDoc(origin, source, `What ${method.name} may answer beside its reply.`);
  return `${doc}\nexport type ${errorType(method)} = ${names};\n\n`;
}

function descriptor(service: string, method: MethodModel, lock: Lock): string {
  const { name, summary, number, hash, idempotent, errors, request, reply } = method;
  const older = lock.methods[number]?.hashes.slice(1) ?? [];
  return `export const ${constantName(name)}: Method<${request}, ${reply}, ${errorType(method)}> = {
  name: "${service}.${name}",
  summary: ${JSON.stringify(summary)},
  number: ${number},
  hash: "${hash}",${older.length > 0 ? `\n  olderHashes: ${JSON.stringify(older)},` : ""}
  idempotent: ${idempotent},
  errors: [${errors.map((error) => `"${error}"`).join(", ")}],
  request: ${request},
  reply: ${reply},
};`;
}
