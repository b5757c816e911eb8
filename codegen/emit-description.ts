import type { MethodModel, ServiceModel } from "./model.ts";
import { constantName, header, originDoc } from "./text.ts";

/** The service as data, for whoever asks a server what it offers. */
export function emitDescription({
  service,
  source,
  contract,
  file,
  methods,
}: ServiceModel): string {
  return [
    header(source),
    `import * as schema from "../../schema/${file}.ts";`,
    'import type { ServiceDescription } from "./system-messages.ts";',
    "",
    `${originDoc(contract, source, `What a server says that ${service} offers.`)}
export const ${constantName(service)}_DESCRIPTION: ServiceDescription = {
  service: "${service}",
  methods: [${methods.map(description).join(",\n")}],
};`,
    "",
  ].join("\n");
}

function description({
  name,
  number,
  hash,
  summary,
  idempotent,
  errors,
  ...method
}: MethodModel): string {
  return `{
    name: "${name}",
    number: ${number},
    hash: "${hash}",
    summary: ${JSON.stringify(summary)},
    idempotent: ${idempotent},
    errors: ${JSON.stringify(errors)},
    request: schema.${method.request},
    reply: schema.${method.reply},
  }`;
}
