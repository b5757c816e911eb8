import type { ServiceModel } from "./model.ts";
import { constantName, constantNames, header, messageNames, methodDoc, originDoc } from "./text.ts";

/** The server's side: the interface that a service implements, and its dispatch table. */
export function emitService({ service, source, contract, file, methods }: ServiceModel): string {
  const signatures = methods.map(
    (method) => `${methodDoc(method)}
  ${method.name}(request: ${method.request}, context: CallContext): Promise<${method.reply}>;`,
  );
  const entries = methods.map(
    ({ name }) =>
      `    entry(${constantName(name)}, (request, context) => service.${name}(request, context)),`,
  );
  return [
    header(source),
    'import { type CallContext, type DispatchTable, entry } from "../rpc/call.ts";',
    `import type { ${messageNames(methods)} } from "./${file}-messages.ts";`,
    `import { ${constantNames(methods)} } from "./${file}-methods.ts";`,
    "",
    `${originDoc(contract, source, `What a server of ${service} does.`)}
export interface ${service}Service {\n${signatures.join("\n\n")}\n}`,
    "",
    `${originDoc(contract, source, `What a Listener runs for each call of ${service}.`)}
export function ${file}Dispatch(service: ${service}Service): DispatchTable {
  return [
${entries.join("\n")}
  ];
}`,
    "",
  ].join("\n");
}
