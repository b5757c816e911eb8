import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { emitClient } from "./emit-client.ts";
import { emitDescription } from "./emit-description.ts";
import { emitMessages } from "./emit-messages.ts";
import { emitMethods } from "./emit-methods.ts";
import { emitService } from "./emit-service.ts";
import { format } from "./format.ts";
import { checkNumbers, isContract, SchemaError, type ServiceModel, serviceModel } from "./model.ts";

const EMITTERS = {
  messages: emitMessages,
  methods: emitMethods,
  client: emitClient,
  service: emitService,
  description: emitDescription,
};

/** File name → text, for every schema file that declares a contract. */
async function emit(services: readonly ServiceModel[]): Promise<ReadonlyMap<string, string>> {
  checkNumbers(services);
  const files = services.flatMap((service) =>
    Object.entries(EMITTERS).map(async ([part, emitPart]): Promise<[string, string]> => {
      const name = `${service.file}-${part}.ts`;
      return [name, await format(name, emitPart(service))];
    }),
  );
  return new Map(await Promise.all(files));
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
  return services;
}

/** The names of files that differ from what the schemas say now: changed, missing or left over. */
async function staleFiles(folder: string, wanted: ReadonlyMap<string, string>): Promise<string[]> {
  const present = existsSync(folder) ? await readdir(folder) : [];
  const stale = present.filter((name) => name.endsWith(".ts") && !wanted.has(name));
  for (const [name, text] of wanted) {
    const file = Bun.file(join(folder, name));
    if (!(await file.exists()) || (await file.text()) !== text) stale.push(name);
  }
  return stale.sort();
}

async function main(root: string, args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { check: { type: "boolean", default: false } } });
  const folder = join(root, "src/gen");
  const wanted = await emit(await readSchemas(root));
  const stale = await staleFiles(folder, wanted);
  if (values.check) {
    for (const name of stale) {
      console.error(`src/gen/${name} is stale: run \`bun run codegen\` and commit it`);
    }
    return stale.length > 0 ? 1 : 0;
  }
  for (const name of stale) {
    const text = wanted.get(name);
    if (text === undefined) await Bun.file(join(folder, name)).delete();
    else await Bun.write(join(folder, name), text);
    console.log(`src/gen/${name} ${text === undefined ? "removed" : "written"}`);
  }
  if (stale.length === 0) console.log("src/gen is up to date");
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
