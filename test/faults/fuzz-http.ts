// `bun run fuzz-http --schemathesis PROGRAM`: Schemathesis, a public property-based tester, sends
// what it makes of /openapi.json. It must find nothing, and no tier may log an error.
import { join } from "node:path";
import { exitAsMisunderstood, optionsOrExit, UsageError } from "../../src/cli/usage.ts";
import { Child, Folder } from "../child.ts";
import { startMariaDb } from "../mariadb.ts";
import { freePort } from "../ports.ts";
import { startRedis } from "../redis.ts";

interface FuzzOptions {
  readonly program: string;
  readonly hasSession: boolean;
  readonly onServers: boolean;
  /** Requests of each endpoint and method, at most. */
  readonly examples: string;
  readonly seed: string;
}

/** Cheap hashing, and sessions that outlive the longest run. */
const ENVIRONMENT = {
  PASSWORD_HASH: "argon2id:m=64,t=1,p=1",
  SESSION_TTL_SECONDS: "86400",
  LOG_LEVEL: "warn",
};

async function untilAnswered(url: string): Promise<void> {
  for (;;) {
    const status = await fetch(url).then(
      (response) => response.status,
      () => undefined,
    );
    if (status === 200) return;
    await Bun.sleep(50);
  }
}

/** Runs Schemathesis. Returns its exit code, and its requests by endpoint, status and errCode. */
async function runSchemathesis(url: string, folder: string, options: FuzzOptions) {
  const { program, hasSession, examples, seed } = options;
  const countsFile = join(folder, "counts.json");
  const args = ["--checks", "all", "--max-examples", examples, "--seed", seed];
  // Without these, it stops at the first failure of an endpoint, and writes to the work folder.
  const more = ["--continue-on-failure", "--no-color", "--generation-database", "none"];
  const tolerated = ["--suppress-health-check", "all"];
  const command = [program, "run", `${url}/openapi.json`, ...args, ...more, ...tolerated];
  const child = Bun.spawn(command, {
    cwd: folder,
    env: {
      ...process.env,
      SCHEMATHESIS_HOOKS: "fuzz_hooks",
      PYTHONPATH: import.meta.dir,
      PYTHONDONTWRITEBYTECODE: "1",
      FUZZ_URL: url,
      FUZZ_COUNTS: countsFile,
      FUZZ_SESSION: hasSession ? "yes" : "",
    },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const exitCode = await child.exited;
  const counts: Record<string, number> = await Bun.file(countsFile).json();
  return { exitCode, counts };
}

async function fuzz(options: FuzzOptions): Promise<boolean> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await Folder.make());
  const servers: Record<string, string> = { STORAGE: "embedded" };
  if (options.onServers) {
    const mariaDb = cleanup.use(await startMariaDb());
    const redis = cleanup.use(await startRedis());
    servers.DATABASE_URL = await mariaDb.createDatabase();
    servers.REDIS_URL = await redis.createDatabase();
  }
  const ports = { HTTP_PORT: `${freePort()}`, RPC_PORT: `${freePort()}` };
  const environment = { DATA_DIR: join(folder.path, "data"), ...ENVIRONMENT, ...servers, ...ports };
  const service = cleanup.use(new Child("src/start-main.ts", { environment }));
  const url = `http://127.0.0.1:${ports.HTTP_PORT}`;
  await untilAnswered(`${url}/openapi.json`);

  const { exitCode, counts } = await runSchemathesis(url, folder.path, options);
  for (const [what, count] of Object.entries(counts).sort()) console.log(`${count}\t${what}`);
  const requests = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const errors = service.output.split("\n").filter((line) => !/^$|"level":"warn"/.test(line));
  console.log(`log of the service, other than warnings: ${errors.join("\n") || "nothing"}`);
  console.log(`${requests} requests`);
  return exitCode === 0 && requests > 0 && errors.length === 0;
}

const HELP = `Send requests that Schemathesis makes of /openapi.json to a new service.

  bun run fuzz-http --schemathesis PROGRAM   the path of the program
  bun run fuzz-http … --session              each request has a live session
  bun run fuzz-http … --servers              on MariaDB and Redis, not on SQLite
  bun run fuzz-http … --examples N           so many for each endpoint; 100 if not given
  bun run fuzz-http … --seed N               the requests of the run that printed this seed

Exit code: 0 if nothing was found, else 1.`;

const values = await optionsOrExit("fuzz-http", HELP, {
  schemathesis: { type: "string" },
  session: { type: "boolean" },
  servers: { type: "boolean" },
  examples: { type: "string" },
  seed: { type: "string" },
});
if (values.schemathesis === undefined) {
  exitAsMisunderstood(new UsageError("--schemathesis must be the path of the program"));
}
const isGood = await fuzz({
  program: values.schemathesis,
  hasSession: values.session === true,
  onServers: values.servers === true,
  examples: values.examples ?? "100",
  seed: values.seed ?? `${Math.floor(Math.random() * 2 ** 31)}`,
});
process.exitCode = isGood ? 0 : 1;
