import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Child, Folder, ROOT } from "./child.ts";
import { freePort } from "./ports.ts";
import { shell } from "./rpc-command.ts";

// Runs the example of docs/accounts.md as it is printed, on the embedded default.

// Real processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const PASSWORD = "hopper1906";

/** What is different each time: times, ids of sessions and devices, handles, and passwords that were made. */
const VARYING =
  /\d{4}-\d\d-\d\dT[\d:.]+Z|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b|[\w-]{22}\.[\w-]{43}|(?<="password": ")[a-km-np-z2-9]{13}(?=")/g;

interface Step {
  readonly command: string;
  readonly output: string;
}

/** The commands of the example, each with the output that the page shows. */
async function steps(): Promise<Step[]> {
  const page = await Bun.file(join(ROOT, "docs/accounts.md")).text();
  const [, section = ""] = page.split("## Administration\n");
  const [, block = ""] = /^```console\n(.*?)^```$/ms.exec(section) ?? [];
  return block.split(/^\$ /m).flatMap((step) => {
    const [command = "", ...lines] = step.split("\n");
    return command === "" ? [] : [{ command, output: lines.join("\n") }];
  });
}

test("an operator finds, shows, resets, disables, enables and deletes as docs/accounts.md says", async () => {
  await using folder = await Folder.make();
  const [httpPort, rpcPort] = [freePort(), freePort()];
  const environment = {
    DATA_DIR: folder.path,
    HTTP_PORT: `${httpPort}`,
    RPC_PORT: `${rpcPort}`,
    TRUSTED_PROXIES: "127.0.0.1",
    // Hashing has the lowest CPU priority, so a costly one may miss its deadline here.
    PASSWORD_HASH: "argon2id:m=64,t=1,p=1",
  };
  await using tiers = new Child("src/dev-main.ts", { environment });
  await tiers.waitFor(/Portico is running/);
  const post = (path: string, username: string, password = PASSWORD, address = "127.0.0.1") =>
    fetch(`http://127.0.0.1:${httpPort}/api/entrytask/user/${path}`, {
      method: "POST",
      headers: { "User-Agent": FIREFOX, "X-Forwarded-For": address },
      body: new URLSearchParams({ username, password }),
    });
  for (const username of ["grace", "gregory", "ada1"]) await post("signup", username);
  expect(await (await post("signin", "grace")).json()).toMatchObject({ errCode: "7" });

  // At once: the page shows ten, and they sink as time passes.
  const failed = Array.from({ length: 10 }, () => post("signin", "grace", "wrong", "203.0.113.7"));
  expect((await Promise.all(failed)).map(({ status }) => status)).toEqual(Array(10).fill(401));

  const example = await steps();
  expect(example.length).toBeGreaterThan(8);
  /** What the page shows → what it is this time. */
  const actual = new Map<string, string>();
  for (const { command, output } of example) {
    const line = command.replace(/^bun run rpc /, "rpc ");
    const typed = Array.from(actual).reduce(
      (text, [shown, is]) => text.replaceAll(shown, is),
      line,
    );
    const { stdout, stderr } = await shell(typed, { environment });
    const printed = stdout + stderr;
    expect(`$ ${command}\n${printed.replaceAll(VARYING, "…")}`).toBe(
      `$ ${command}\n${output.replaceAll(VARYING, "…")}`,
    );
    const values = printed.match(VARYING) ?? [];
    for (const [index, shown] of (output.match(VARYING) ?? []).entries()) {
      actual.set(shown, values[index] ?? "");
    }
  }
});
