import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { HttpApi } from "../schema/endpoint.ts";
import { emitBrowserClient } from "./emit-browser-client.ts";
import { emitClient } from "./emit-client.ts";
import { emitDescription } from "./emit-description.ts";
import { emitEndpoints } from "./emit-endpoints.ts";
import { emitMessages } from "./emit-messages.ts";
import { emitMethods } from "./emit-methods.ts";
import { emitOpenApi } from "./emit-openapi.ts";
import { emitService } from "./emit-service.ts";
import { emitServices } from "./emit-services.ts";
import { format } from "./format.ts";
import { endpointModels } from "./http-model.ts";
import { checkNumbers, isContract, SchemaError, type ServiceModel, serviceModel } from "./model.ts";

const FOLDER = "src/gen";

const EMITTERS = {
  messages: emitMessages,
  methods: emitMethods,
  client: emitClient,
  service: emitService,
  description: emitDescription,
};

/** Path → text, of all that the schemas say. */
async function emit(
  services: readonly ServiceModel[],
  api: HttpApi,
): Promise<ReadonlyMap<string, string>> {
  checkNumbers(services);
  const endpoints = endpointModels(api, services);
  const texts: [path: string, text: string][] = [
    ...services.flatMap((service) =>
      Object.entries(EMITTERS).map(([part, emitPart]): [string, string] => [
        `${FOLDER}/${service.file}-${part}.ts`,
        emitPart(service),
      ]),
    ),
    [`${FOLDER}/services.ts`, emitServices(services)],
    [`${FOLDER}/http-endpoints.ts`, emitEndpoints(endpoints)],
    ["public/api.js", emitBrowserClient(endpoints)],
    ["public/openapi.json", emitOpenApi(endpoints)],
  ];
  return new Map(
    await Promise.all(
      texts.map(
        async ([path, text]): Promise<[string, string]> => [path, await format(path, text)],
      ),
    ),
  );
}

async function readSchemas(root: string): Promise<ServiceModel[]> {
  const services: ServiceModel[] = [];
  for (const file of (await readdir(join(root, "schema"))).sort()) {
    if (!file.endsWith(".ts") || file.endsWith(".test.ts")) continue;
    const exports: Record<string, unknown> = await import(join(root, "schema", file));
    if (Object.values(exports).some(isContract)) {
      services.push(serviceModel(`schema/${file}`, exports));
    }
  }
  return services.sort((one, other) => lowestNumber(one) - lowestNumber(other));
}

/** What comes first in the lists: the services by age, and the system contract behind them. */
function lowestNumber({ methods }: ServiceModel): number {
  return Math.min(...methods.map(({ number }) => number));
}

/** The paths of files that differ from what the schemas say now: changed, missing or left over. */
async function stalePaths(root: string, wanted: ReadonlyMap<string, string>): Promise<string[]> {
  const folder = join(root, FOLDER);
  const present = existsSync(folder) ? await readdir(folder) : [];
  const stale = present
    .map((name) => `${FOLDER}/${name}`)
    .filter((path) => path.endsWith(".ts") && !wanted.has(path));
  for (const [path, text] of wanted) {
    const file = Bun.file(join(root, path));
    if (!(await file.exists()) || (await file.text()) !== text) stale.push(path);
  }
  return stale.sort();
}

async function main(root: string, args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { check: { type: "boolean", default: false } } });
  const { HTTP_API } = await import(join(root, "schema/http-api.ts"));
  const wanted = await emit(await readSchemas(root), HTTP_API);
  const stale = await stalePaths(root, wanted);
  if (values.check) {
    for (const path of stale) {
      console.error(`${path} is stale: run \`bun run codegen\` and commit it`);
    }
    return stale.length > 0 ? 1 : 0;
  }
  for (const path of stale) {
    const text = wanted.get(path);
    if (text === undefined) await Bun.file(join(root, path)).delete();
    else await Bun.write(join(root, path), text);
    console.log(`${path} ${text === undefined ? "removed" : "written"}`);
  }
  if (stale.length === 0) console.log("Everything is up to date");
  return 0;
}

if (import.meta.main) {
  try {
    process.exitCode = await main(join(import.meta.dir, ".."), process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
