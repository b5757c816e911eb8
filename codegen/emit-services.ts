import type { ServiceModel } from "./model.ts";
import { header, variableName } from "./text.ts";

/** All services as one type: a server that forgets one does not compile. */
export function emitServices(services: readonly ServiceModel[]): string {
  const lines = (line: (service: ServiceModel) => string) => services.map(line).join("\n");
  const member = ({ service }: ServiceModel) =>
    `  readonly ${variableName(service)}: ${service}Service;`;
  const table = ({ service }: ServiceModel) =>
    `${variableName(service)}Dispatch(services.${variableName(service)})`;
  return [
    header("schema/"),
    'import type { DispatchTable } from "../rpc/method.ts";',
    lines(
      ({ service, file }) =>
        `import { type ${service}Service, ${variableName(service)}Dispatch } ` +
        `from "./${file}.ts";`,
    ),
    "",
    "/** What a server serves. From every contract in schema/. */",
    `export interface Services {\n${lines(member)}\n}`,
    "",
    "/** What a Listener dispatches by. From every contract in schema/. */",
    `export function dispatchTables(services: Services): readonly DispatchTable[] {
  return [${services.map(table).join(", ")}];
}`,
    "",
  ].join("\n");
}
