import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { breakingChanges, refusal } from "./breaking.ts";
import { checkEndpoints } from "./check-endpoint.ts";
import { checkServices } from "./check-service.ts";
import { emitBrowserClient } from "./emit-browser-client.ts";
import { emitEndpoints } from "./emit-endpoints.ts";
import { emitOpenApi } from "./emit-openapi.ts";
import { emitService } from "./emit-service.ts";
import { emitServices } from "./emit-services.ts";
import { format } from "./format.ts";
import { type EndpointModel, endpointModels } from "./http-model.ts";
import { EMPTY_LOCK, LOCK_PATH, type Lock, lockOf, parseLock, successor } from "./lock.ts";
import { isContract, SchemaError, type ServiceModel, serviceModel } from "./model.ts";

/** Codegen removes every file of this folder that it does not write. */
const FOLDER = "src/gen";

const NO_LOCK =
  `Cannot find ${LOCK_PATH}, the record of what was published: restore it with ` +
  "`git restore`, or start a new one with `bun run codegen --accept-breaking`";

/** The files that codegen writes: path → text. */
type Outputs = ReadonlyMap<string, string>;

function outputsOf(
  services: readonly ServiceModel[],
  endpoints: readonly EndpointModel[],
  lock: Lock,
): Promise<Outputs> {
  const drafts = services.map((service): [string, string] => [
    `${FOLDER}/${service.file}.ts`,
    emitService(service, lock),
  ]);
  drafts.push(
    [`${FOLDER}/services.ts`, emitServices(services)],
    [`${FOLDER}/http-endpoints.ts`, emitEndpoints(endpoints)],
    ["public/api.js", emitBrowserClient(endpoints)],
    ["public/openapi.json", emitOpenApi(endpoints)],
    [LOCK_PATH, JSON.stringify(lock)],
  );
  return format(new Map(drafts));
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
  checkServices(services);
  return services.sort((one, other) => lowestNumber(one) - lowestNumber(other));
}

/** Services are listed by their lowest numbers: the oldest first, the system contract last. */
function lowestNumber({ methods }: ServiceModel): number {
  return Math.min(...methods.map(({ number }) => number));
}

/** @throws {SchemaError} a change breaks existing clients, and is not accepted */
async function nextLock(
  root: string,
  services: readonly ServiceModel[],
  endpoints: readonly EndpointModel[],
  acceptBreaking: boolean,
): Promise<Lock> {
  const file = Bun.file(join(root, LOCK_PATH));
  const isThere = await file.exists();
  if (!isThere && !acceptBreaking) throw new SchemaError(NO_LOCK);
  const before = isThere ? parseLock(await file.text()) : EMPTY_LOCK;
  const now = lockOf(services, endpoints);
  const broken = breakingChanges(before, now);
  if (broken.length > 0 && !acceptBreaking) throw new SchemaError(refusal(broken));
  for (const { message } of broken) console.log(`Accepted: ${message}`);
  return successor(before, now, broken);
}

/** The paths of files that do not match the schemas: changed, missing or left over. */
async function stalePaths(root: string, outputs: Outputs): Promise<string[]> {
  const present = await Array.fromAsync(new Bun.Glob(`${FOLDER}/*.ts`).scan({ cwd: root }));
  const stale = present.filter((path) => !outputs.has(path));
  for (const [path, text] of outputs) {
    const file = Bun.file(join(root, path));
    if (!(await file.exists()) || (await file.text()) !== text) stale.push(path);
  }
  return stale.sort();
}

async function write(root: string, outputs: Outputs, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const text = outputs.get(path);
    if (text === undefined) await Bun.file(join(root, path)).delete();
    else await Bun.write(join(root, path), text);
    console.log(`${path} ${text === undefined ? "removed" : "written"}`);
  }
  if (paths.length === 0) console.log("All that codegen writes is up to date");
}

/** The exit code of shells for wrong arguments. */
const WRONG_ARGUMENTS = 2;

const HELP = `bun run codegen                     emit code from schema/, and record the contract
bun run codegen --check             write nothing, and fail if a file is stale
bun run codegen --accept-breaking   record changes that break existing clients, too
bun run codegen --draft             emit code, and record nothing
bun run codegen --help              this text

Exit codes:
  0  done
  1  the schema is refused, or with --check: a file is stale
  2  wrong arguments`;

/** Undefined if the arguments are wrong. */
function readOptions(args: string[]) {
  const option = { type: "boolean", default: false } as const;
  const help = { ...option, short: "h" } as const;
  try {
    const options = { check: option, draft: option, "accept-breaking": option, help };
    return parseArgs({ args: args[0] === "help" ? ["--help"] : args, options }).values;
  } catch {
    return undefined;
  }
}

async function main(root: string, args: string[]): Promise<number> {
  const values = readOptions(args);
  if (!values) {
    console.error(HELP);
    return WRONG_ARGUMENTS;
  }
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const services = await readSchemas(root);
  const { HTTP_API } = await import(join(root, "schema/http-api.ts"));
  const endpoints = endpointModels(HTTP_API, services);
  checkEndpoints(endpoints);
  const lock = await nextLock(root, services, endpoints, values["accept-breaking"]);
  const outputs = await outputsOf(services, endpoints, lock);
  const stale = await stalePaths(root, outputs);
  if (!values.check) {
    // A draft is not published, so it is not recorded.
    await write(root, outputs, values.draft ? stale.filter((path) => path !== LOCK_PATH) : stale);
    return 0;
  }
  for (const path of stale) {
    console.error(`${path} is stale: run \`bun run codegen\` and commit it`);
  }
  return stale.length > 0 ? 1 : 0;
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
