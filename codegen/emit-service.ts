import type { MethodModel, ServiceModel } from "./model.ts";
import {
  constantName,
  constantNames,
  errorType,
  errorTypes,
  header,
  messageNames,
  methodDoc,
  originDoc,
  variableName,
} from "./text.ts";

/** The server's side: the interface that a service implements, and its dispatch table. */
export function emitService({ service, source, contract, file, methods }: ServiceModel): string {
  const entries = methods.map(
    ({ name }) =>
      `    entry(${constantName(name)}, (request, context) => service.${name}(request, context)),`,
  );
  const fromMethods = [
    constantNames(methods),
    ...errorTypes(methods).map((name) => `type ${name}`),
  ];
  return [
    header(source),
    "import {",
    ["type CallContext", "type DispatchTable", "dispatchTable", "entry"].join(", "),
    '} from "../rpc/method.ts";',
    `import type { ${messageNames(methods)} } from "./${file}-messages.ts";`,
    `import { ${fromMethods.join(", ")} } from "./${file}-methods.ts";`,
    "",
    `${originDoc(contract, source, `What a server of ${service} does.`)}
export interface ${service}Service {\n${methods.map(signature).join("\n\n")}\n}`,
    "",
    `${originDoc(contract, source, `What a Listener runs for each call of ${service}.`)}
export function ${variableName(service)}Dispatch(service: ${service}Service): DispatchTable {
  return dispatchTable(service, [
${entries.join("\n")}
  ]);
}`,
    "",
  ].join("\n");
}

function signature(method: MethodModel): string {
  const { name, request, reply } = method;
  const context = `CallContext<${errorType(method)}>`;
  return `${methodDoc(method)}
  ${name}(request: ${request}, context: ${context}): Promise<${reply}>;`;
}
