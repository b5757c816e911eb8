import type { ServiceModel } from "./model.ts";
import { constantName, constantNames, header, messageNames, methodDoc, originDoc } from "./text.ts";

/** The typed client stub: one line per method over whatever carries the calls. */
export function emitClient({ service, source, contract, file, methods }: ServiceModel): string {
  const stubs = methods.map((method) => {
    const { name, request, reply } = method;
    return `${methodDoc(method)}
  ${name}(request: ${request}, options?: CallOptions): Promise<${reply}> {
    return this.#caller.call(${constantName(name)}, request, options);
  }`;
  });
  return [
    header(source),
    'import type { Caller, CallOptions } from "../rpc/method.ts";',
    `import type { ${messageNames(methods)} } from "./${file}-messages.ts";`,
    `import { ${constantNames(methods)} } from "./${file}-methods.ts";`,
    "",
    `${originDoc(contract, source, `Calls the methods of ${service}.`)}
export class ${service}Client {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

${stubs.join("\n\n")}
}`,
    "",
  ].join("\n");
}
