import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { HELP } from "../src/cli/help.ts";
import { Child, Folder, ROOT } from "./child.ts";
import { Receiver, available as receives } from "./notify-receiver.ts";
import { PROGRAMS, programPath } from "./programs.ts";

// Real processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const FOLDER = join(ROOT, "deploy/systemd");
const ANALYZE = programPath(PROGRAMS.systemdAnalyze);
const UNITS = ["portico.service", "portico-tcp@.service", "portico-http@.service"];
/** As `systemd-analyze security` shows it for systemd 252; 10 is the worst. */
const MAX_EXPOSURE = 1.4;

const textOf = (unit: string) => Bun.file(join(FOLDER, unit)).text();

async function run(...command: string[]): Promise<{ exitCode: number; output: string }> {
  const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "pipe"] });
  const outputs = [child.stdout, child.stderr].map((stream) => new Response(stream).text());
  return { exitCode: await child.exited, output: (await Promise.all(outputs)).join("") };
}

/** A copy of a unit whose program is one that exists here, under the name of an instance. */
async function copyOf(unit: string, folder: Folder): Promise<string> {
  const path = join(folder.path, unit.replace("@.", "@9091."));
  await Bun.write(path, (await textOf(unit)).replace("/usr/local/bin/portico", process.execPath));
  return path;
}

describe.skipIf(!ANALYZE)("systemd-analyze, asked about the units of deploy/systemd", () => {
  test("finds no fault in them, and finds one that is made", async () => {
    await using folder = await Folder.make();
    const units = await Promise.all(UNITS.map((unit) => copyOf(unit, folder)));
    expect(await run(ANALYZE ?? "", "verify", ...units)).toEqual({ exitCode: 0, output: "" });
    const [unit = ""] = units;
    await Bun.write(unit, (await Bun.file(unit).text()).replace("WatchdogSec=", "WatchDogSec="));
    const { output } = await run(ANALYZE ?? "", "verify", unit);
    expect(output).toContain("WatchDogSec");
  });

  test("shows how much they are exposed", async () => {
    await using folder = await Folder.make();
    for (const unit of UNITS) {
      const threshold = `--threshold=${MAX_EXPOSURE * 10}`;
      const path = await copyOf(unit, folder);
      const asked = await run(ANALYZE ?? "", "security", "--offline=true", threshold, path);
      expect(asked.output).toContain(`Overall exposure level for ${path.split("/").at(-1)}`);
      expect(asked.exitCode).toBe(0);
    }
  });
});

test("the units are equally hardened, and start commands that exist", async () => {
  const parts = await Promise.all(
    UNITS.map(async (unit) => {
      const text = await textOf(unit);
      const [, command] = /^ExecStart=\/usr\/local\/bin\/portico (\w+)/m.exec(text) ?? [];
      return { command, hardening: text.slice(text.indexOf("NoNewPrivileges=")) };
    }),
  );
  expect(parts.map(({ command }) => command)).toEqual(["start", "tcp", "http"]);
  for (const script of ["start", "start:tcp", "start:http"]) expect(HELP).toHaveProperty([script]);
  expect(new Set(parts.map(({ hardening }) => hardening)).size).toBe(1);
});

const SYSUSERS = Bun.which("systemd-sysusers");

test.skipIf(!SYSUSERS)("the users of the units can be made", async () => {
  await using folder = await Folder.make();
  const copy = join(folder.path, "portico.conf");
  await copyFile(join(FOLDER, "portico.sysusers"), copy);
  const { exitCode, output } = await run(SYSUSERS ?? "", "--dry-run", copy);
  expect({ exitCode, output }).toEqual({ exitCode: 0, output: expect.not.stringContaining("not") });
  const made = [...(await Bun.file(copy).text()).matchAll(/^u (\S+)/gm)].map(([, name]) => name);
  const users = await Promise.all(
    UNITS.map(async (unit) => /^User=(.*)$/m.exec(await textOf(unit))?.[1]),
  );
  expect(made.toSorted()).toEqual(users.toSorted());
});

test.skipIf(!receives)("of `bun run start`, only the parent tells systemd its state", async () => {
  await using folder = await Folder.make();
  const socket = join(folder.path, "notify");
  await using receiver = new Receiver(socket);
  await receiver.waitFor("bound");
  await using start = new Child("src/start-main.ts", {
    environment: {
      ...{ DATA_DIR: folder.path, HTTP_PORT: "0", RPC_PORT: "0", HTTP_WORKERS: "2" },
      NOTIFY_SOCKET: socket,
    },
  });
  await receiver.waitFor("READY=1\nSTATUS=ready");
  await start.waitFor(/"both tiers are running"/);
  start.kill("SIGTERM");
  expect(await start.exited()).toBe(0);
  const states = receiver.messages.filter((each) => !/^(bound|STATUS=)/.test(each));
  expect(states).toEqual(["READY=1\nSTATUS=ready", "STOPPING=1\nSTATUS=stopping"]);
});
