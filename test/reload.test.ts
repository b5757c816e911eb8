import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import { RELOADABLE } from "../src/config/reload.ts";
import { SystemClient } from "../src/gen/system.ts";
import { Balancer } from "../src/rpc/client/balancer.ts";
import { Authority, available as hasOpenssl } from "./certificates.ts";
import { Child, Folder, ROOT } from "./child.ts";
import { Api, sessionIdOf } from "./contract/client.ts";
import { freePort } from "./ports.ts";
import { eventually } from "./storage-pairs.ts";

// Real processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const OLD = "the token of last year";
const NEW = "the token of this year";
const RELOADED = /"msg":"reloaded the settings"/g;

test("docs/operations.md names what a reload takes over", async () => {
  const text = await Bun.file(join(ROOT, "docs/operations.md")).text();
  const [, section = ""] = /^## Reload$([\s\S]*?)^## /m.exec(`${text}\n## `) ?? [];
  const named = new Set(section.match(/(?<=`)[A-Z_]+(?=`)/g));
  expect(RELOADABLE.filter((name) => !named.has(name))).toEqual([]);
});

/** Files of settings in a folder of their own. */
class Files {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  async write(name: string, text: string): Promise<string> {
    await Bun.write(this.path(name), text);
    return this.path(name);
  }

  async settings(values: Readonly<Record<string, string>>): Promise<string> {
    const lines = Object.entries(values).map(
      ([name, value]) => `${name} = ${JSON.stringify(value)}`,
    );
    return this.write("portico.toml", `${lines.join("\n")}\n`);
  }
}

/** A process that reads its settings again. */
class Reloading extends Child {
  #reloads = 0;

  async reload(): Promise<void> {
    this.kill("SIGHUP");
    this.#reloads++;
    while ((this.output.match(RELOADED)?.length ?? 0) < this.#reloads) {
      await this.waitFor(RELOADED);
      await Bun.sleep(20);
    }
  }
}

/** Requests without a pause, until they are stopped. */
class Load {
  readonly failures: string[] = [];
  readonly #workers: readonly Promise<void>[];
  #isStopping = false;
  #answered = 0;

  constructor(request: () => Promise<{ readonly code: string }>) {
    this.#workers = Array.from({ length: 4 }, async () => {
      while (!this.#isStopping) {
        const code = await request().then((answer) => answer.code, String);
        if (code !== "7") this.failures.push(code);
        this.#answered++;
        await Bun.sleep(1);
      }
    });
  }

  async more(count: number): Promise<void> {
    const enough = this.#answered + count;
    while (this.#answered < enough) await Bun.sleep(5);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#workers);
  }
}

/** The subject of the certificate that a TLS server shows. */
function subjectAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

/** Whether a TCP server answers a client with this token. */
async function letsIn(port: number, token: string): Promise<boolean> {
  const balancer = new Balancer([{ host: "127.0.0.1", port }], undefined, { token });
  try {
    await new SystemClient(balancer).health({}, { timeoutMs: 3000 });
    return true;
  } catch {
    return false;
  } finally {
    balancer.close();
  }
}

async function signedIn(url: string): Promise<Api> {
  const api = new Api(url);
  expect(await api.signUp("grace", "hopper1906")).toMatchObject({ code: "7" });
  return api.withSession(sessionIdOf(await api.signIn("grace", "hopper1906")));
}

describe("SIGHUP to `bun run start`", () => {
  test("renews token, certificates, logs and proxies, and no request fails", async () => {
    if (!hasOpenssl) return;
    await using folder = await Folder.make();
    const files = new Files(folder.path);
    const authority = await Authority.create(folder.path, "authority");
    const certificates = [
      await authority.sign("first", "IP:127.0.0.1"),
      await authority.sign("second", "IP:127.0.0.1"),
    ] as const;
    const install = async ({ cert, key }: (typeof certificates)[number]) => {
      await copyFile(cert, files.path("tier.pem"));
      await copyFile(key, files.path("tier.key"));
    };
    await install(certificates[0]);
    const [httpPort, rpcPort] = [freePort(), freePort()];
    const constant = {
      ...{ STORAGE: "embedded", HTTP_PORT: `${httpPort}`, RPC_PORT: `${rpcPort}` },
      DATA_DIR: join(folder.path, "data"),
      RPC_TLS_CERT: files.path("tier.pem"),
      RPC_TLS_KEY: files.path("tier.key"),
      RPC_TLS_CA: authority.ca,
      RPC_TOKEN_FILE: await files.write("token", `${OLD}\n`),
      PASSWORD_HASH: "salted-md5",
    };
    const config = await files.settings({ ...constant, ACCESS_LOG: "off" });
    await using start = new Reloading("src/start-main.ts", { args: ["--config", config] });
    await start.waitFor(/"both tiers are running"/);
    const url = `http://127.0.0.1:${httpPort}`;
    const api = await signedIn(url);
    const load = new Load(() => api.userInfo());
    await load.more(100);
    expect(await subjectAt(rpcPort)).toBe("first");
    expect(start.output).not.toContain('"level":"debug"');
    expect(start.output).not.toContain('"msg":"request"');

    await install(certificates[1]);
    await files.write("token", NEW);
    const changed = { LOG_LEVEL: "debug", ACCESS_LOG: "all", TRUSTED_PROXIES: "127.0.0.1" };
    await files.settings({ ...constant, ...changed });
    await start.reload();
    await load.more(200);
    expect(await subjectAt(rpcPort)).toBe("second");
    expect(start.output).toContain('"level":"debug"');
    expect(start.output).toContain('"msg":"request"');
    await fetch(`${url}/api/entrytask/user/signin`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Forwarded-For": "203.0.113.7" },
      body: JSON.stringify({ username: "grace", password: "wrong words" }),
    });
    await start.waitFor(/"203\.0\.113\.7"/);

    await load.stop();
    expect(load.failures).toEqual([]);
    expect(start.output).not.toMatch(/lost TCP server/);
    start.kill("SIGTERM");
    expect(await start.exited()).toBe(0);
  });

  test("many times in a row loses nothing, and a wrong file changes nothing", async () => {
    await using folder = await Folder.make();
    const files = new Files(folder.path);
    const [httpPort, rpcPort] = [freePort(), freePort()];
    const environment = {
      ...{ STORAGE: "embedded", HTTP_PORT: `${httpPort}`, RPC_PORT: `${rpcPort}` },
      ...{ DATA_DIR: join(folder.path, "data"), PASSWORD_HASH: "salted-md5" },
      RPC_TOKEN_FILE: await files.write("token", OLD),
    };
    const settings = { METRICS_PORT: "0" };
    const args = ["--config", await files.settings(settings)];
    await using start = new Reloading("src/start-main.ts", { args, environment });
    await start.waitFor(/"both tiers are running"/);
    const api = await signedIn(`http://127.0.0.1:${httpPort}`);
    const load = new Load(() => api.userInfo());
    for (let round = 0; round < 10; round++) {
      await files.write("token", `${round} ${round % 2 === 0 ? NEW : OLD}`);
      await start.reload();
      await load.more(20);
    }
    expect(await letsIn(rpcPort, `8 ${NEW}`)).toBeFalse();
    expect(await letsIn(rpcPort, `9 ${OLD}`)).toBeTrue();

    await files.settings({ ...settings, HTTP_WORKERS: "2", DOCS: "off" });
    await start.reload();
    await start.waitFor(/"variables":\["HTTP_WORKERS","DOCS"\],"msg":"these have changed/);

    await files.write("token", "short");
    start.kill("SIGHUP");
    await start.waitFor(/"cannot reload: the settings in use stay"/);
    expect(start.output).toMatch(/"why":"RPC_TOKEN \(from RPC_TOKEN_FILE\)/);
    expect(start.output).not.toContain(`9 ${OLD}`);
    expect(await letsIn(rpcPort, `9 ${OLD}`)).toBeTrue();
    await load.more(20);
    await load.stop();
    expect(load.failures).toEqual([]);

    // A worker that replaces a crashed one has the settings of the others, and the newest token.
    const workers = () => [
      ...start.output.matchAll(/"tier":"http".*"pid":(\d+),"msg":"listening"/g),
    ];
    expect(workers()).toHaveLength(1);
    process.kill(Number(workers()[0]?.[1]), "SIGKILL");
    await eventually("another worker listens", async () => workers().length === 2);
    expect((await fetch(`${api.url}/docs`)).status).toBe(200);
    expect(await api.userInfo()).toMatchObject({ code: "7" });
  });
});

test("SIGHUP to a tier of its own names what needs a restart", async () => {
  await using folder = await Folder.make();
  const files = new Files(folder.path);
  const port = freePort();
  const constant = { DATA_DIR: folder.path, RPC_PORT: `${port}`, RPC_TOKEN: OLD };
  const config = await files.settings(constant);
  await using tcp = new Reloading("src/tcp-main.ts", { args: ["--config", config] });
  await tcp.waitFor(/"listening"/);
  await files.settings({ ...constant, RPC_TOKEN: NEW, SESSIONS_MAX: "3" });
  await tcp.reload();
  await tcp.waitFor(/"variables":\["SESSIONS_MAX"\],"msg":"these have changed/);
  expect(await letsIn(port, OLD)).toBeFalse();
  expect(await letsIn(port, NEW)).toBeTrue();
  // It still needs the restart. A repeated warning is logged at the end of its second.
  await tcp.reload();
  await tcp.waitFor(/("variables":\["SESSIONS_MAX"\][\s\S]*){2}/);
});
