import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import Ajv from "ajv";
import { validate } from "dockerfile-utils";
import schema from "../node_modules/dclint/schemas/compose.schema.json";
import { MEMORY_ENVIRONMENT } from "../src/config/start.ts";
import { isVariable } from "../src/config/variables.ts";
import { Child, ROOT } from "./child.ts";
import { freePort } from "./ports.ts";

// Images cannot be pulled in a test. This checks what can be checked without them.

// Processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

/** What Portico's services use of the Compose specification. */
interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly (string | { readonly source: string })[];
  readonly volumes?: readonly string[];
  readonly networks: object;
  readonly depends_on?: object;
  readonly healthcheck?: object;
  readonly stop_grace_period?: string;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: object;
  readonly volumes: object;
  readonly networks: object;
}

const textOf = (path: string) => Bun.file(join(ROOT, path)).text();

async function readCompose(): Promise<Compose> {
  const read: unknown = Bun.YAML.parse(await textOf("deploy/compose.yml"));
  const ajv = new Ajv({ strict: false, allErrors: true });
  // Ajv knows draft 7 by another URL.
  const isValid = ajv.compile<Compose>({
    ...schema,
    $schema: "http://json-schema.org/draft-07/schema#",
  });
  if (isValid(read)) return read;
  throw new Error(ajv.errorsText(isValid.errors));
}

/** Of Portico, of the file of a variable, or of the runtime. */
function isKnown(name: string): boolean {
  const isOfBun = name === "NODE_ENV" || Object.hasOwn(MEMORY_ENVIRONMENT, name);
  return isOfBun || isVariable(name) || isVariable(name.replace(/_FILE$/, ""));
}

test("compose.yml follows the specification, and what it refers to exists", async () => {
  const { services, secrets, volumes, networks } = await readCompose();
  for (const [name, service] of Object.entries(services)) {
    const used = (service.secrets ?? []).map((each) =>
      typeof each === "string" ? each : each.source,
    );
    expect(Object.keys(secrets), name).toEqual(expect.arrayContaining(used));
    for (const path of Object.values(service.environment ?? {})) {
      const [, secret] = /^\/run\/secrets\/(.*)/.exec(path) ?? [];
      if (secret) expect(used, name).toContain(secret);
    }
    const mounted = (service.volumes ?? []).map((each) => each.split(":")[0] ?? "");
    for (const volume of mounted) {
      if (volume.startsWith("."))
        expect(await Bun.file(join(ROOT, "deploy", volume)).exists()).toBe(true);
      else expect(volumes).toHaveProperty([volume]);
    }
    const joined = Array.isArray(service.networks)
      ? service.networks
      : Object.keys(service.networks);
    expect(Object.keys(networks), name).toEqual(expect.arrayContaining(joined));
    for (const other of Object.keys(service.depends_on ?? {})) {
      // Portico's own health check is in its image.
      const { image, healthcheck } = services[other] ?? {};
      expect(healthcheck ?? image, `${name} waits for ${other}`).toBeTruthy();
    }
  }
});

test("the processes of Portico in compose.yml have variables and commands that exist", async () => {
  const { services } = await readCompose();
  const ours = Object.values(services).filter(({ image }) => image.startsWith("portico:"));
  expect(ours.map(({ command }) => command?.join())).toEqual(["tcp", "tcp", "http", "http"]);
  for (const { environment = {}, stop_grace_period = "" } of ours) {
    expect(Object.keys(environment).filter((name) => !isKnown(name))).toEqual([]);
    const delayMs = Number(environment.DRAIN_DELAY_MS ?? 0);
    expect(Number.parseInt(stop_grace_period, 10) * 1000).toBeGreaterThan(delayMs + 13_000);
  }
  const haproxy = await textOf("deploy/haproxy/haproxy.cfg");
  const variables = Object.keys(services.proxy?.environment ?? {});
  expect(variables.filter((name) => !haproxy.includes(`"\${${name}-`))).toEqual([]);
});

test("Containerfile has no fault, and names variables that exist", async () => {
  const text = await textOf("deploy/Containerfile");
  expect(validate(text)).toEqual([]);
  const [line = ""] = /^ENV (.*\\\n)*.*$/m.exec(text) ?? [];
  const names = [...line.matchAll(/(\w+)=/g)].map(([, name = ""]) => name);
  expect(names.length).toBeGreaterThan(1);
  expect(names.filter((name) => !isKnown(name))).toEqual([]);
  for (const [, path = ""] of text.matchAll(/^COPY (?!--from)(.*) \S+$/gm)) {
    const missing = path.split(" ").filter((each) => !existsSync(join(ROOT, each)));
    expect(missing).toEqual([]);
  }
});

test("bun run probe tells a process that is ready from one that is not", async () => {
  await using http = new Child("src/http-main.ts", {
    environment: { HTTP_PORT: "0", RPC_ADDRESSES: `127.0.0.1:${freePort()}` },
  });
  const url = await http.listening();
  const probe = async (path: string) => {
    await using child = new Child("src/probe-main.ts", { args: [path] });
    return { exitCode: await child.exited(), output: child.output.trim() };
  };
  expect(await probe(`${url}/livez`)).toEqual({ exitCode: 0, output: "200 alive" });
  expect(await probe(`${url}/readyz`)).toEqual({ exitCode: 1, output: "503 not ready" });
  const refused = await probe(`http://127.0.0.1:${freePort()}/readyz`);
  expect(refused).toEqual({ exitCode: 1, output: expect.stringMatching(/^No answer: /) });
  expect(await probe("127.0.0.1:9090")).toMatchObject({ exitCode: 2 });
});
