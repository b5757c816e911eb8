import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { makeIdentity, OPENSSL } from "../src/rpc/testing/identity.ts";
import { deadPort, HOST } from "../src/rpc/testing/stack.ts";
import { Folder, ROOT } from "./child.ts";
import {
  answered,
  failed,
  GRACE,
  rpc,
  rpcWithOpenStdin,
  shell,
  startTestServer,
  TOKEN,
} from "./rpc-command.ts";
import { startStack } from "./stack.ts";

// Real processes and servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

describe("bun run rpc", () => {
  test("lists every service with its methods", async () => {
    await using stack = await startStack();
    const { exitCode, stdout, stderr } = await rpc([], { port: stack.rpcPort });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    // The width of the highest number sets the indent.
    expect(stdout.replace(/^ +/gm, "")).toContain(
      [
        "2  signIn({ username, password, client? }) → { sessionId, deviceId? }",
        "Exchange credentials for a session.",
        "Errors: UserNotExistError, PasswordError\n",
      ].join("\n"),
    );
    const services = ["User", "Admin (only for admin)", "System"];
    const listed = Array.from(stdout.matchAll(/^\w+(?: \(.*\))?$/gm), ([line]) => line);
    expect(listed).toEqual(services);
    expect(stdout).toContain("  60001  health({}) → { server, users, sessions }\n");
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    const user = await rpc(["User"], { port: stack.rpcPort });
    expect(user.stdout.match(/^\w+$/gm)).toEqual(["User"]);
    expect(stdout).toStartWith(user.stdout.trimEnd());
  });

  test("wraps what is long at 80 columns", async () => {
    await using stack = await startStack();
    const { stdout } = await rpc(["System.stats", "--help"], { port: stack.rpcPort });
    expect(stdout).toContain(
      [
        "    errors         map to integers ≥ 0  Calls that ended with an error, by its",
        "                                        name or RPC status.\n",
      ].join("\n"),
    );
  });

  test("shows a method's fields, errors and an example", async () => {
    await using server = startTestServer(async () => ({ text: "" }));
    const { port } = server;
    expect(await rpc(["Test.say", "--help"], { port })).toEqual(
      answered(`Test.say (method 7): Say it again.
Not idempotent: retried only if it has certainly not run.

Request
  text    string           What to say, as often as it takes to fill a line.
  mood    "glad" or "sad"
  times?  integer ≥ 1 ≤ 9
  parts   list of objects
    id    integer
  tags    map to strings
  it's    anything

Reply
  {}

Errors
  5  PasswordError
  ?  FutureError
  1  DataBaseError

Example
  bun run rpc Test.say '{"text":"text","mood":"glad","parts":[{"id":0}],"tags":{},"it'\\''s":null}'
`),
    );
    expect((await rpc(["Test"], { port })).stdout).toBe(`Test

  7  say({ text, mood, times?, parts, tags, it's }) → {}
     Say it again.
     Errors: PasswordError, FutureError

  8  wipe({ text? }) → {}
     Forget it.
     Callers: admin
`);
  });

  test("explains its use without a server", async () => {
    const { exitCode, stdout, stderr } = await rpc(["--help"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    for (const word of ["--address", "--caller", "--deadline", "--token", "-v,", "RPC_TLS_CA"]) {
      expect(stdout).toContain(word);
    }
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    expect((await rpc(["-h"])).stdout).toBe(stdout);
  });

  test("calls a method with the request from an argument or from stdin", async () => {
    await using stack = await startStack();
    const { rpcPort: port } = stack;
    expect(await rpc(["User.signUp", GRACE], { port })).toEqual(answered("{}\n"));
    const signIns = [
      await rpc(["User.signIn", GRACE], { port }),
      await rpc(["User.signIn"], { port, stdin: GRACE }),
      await rpc(["User.signIn", "-"], { port, stdin: `\n${GRACE}\n` }),
    ];
    const signedIn = /^\{\n {2}"sessionId": "\S+",\n {2}"deviceId": "\S+"\n\}\n$/;
    for (const signIn of signIns) {
      expect(signIn).toEqual(answered(expect.stringMatching(signedIn)));
      const { stdout } = await rpc(["User.getUserInfo"], { port, stdin: signIn.stdout });
      expect(JSON.parse(stdout)).toMatchObject({ username: "grace" });
    }
  });

  test("takes an empty stdin for an empty request", async () => {
    await using stack = await startStack();
    const { rpcPort: port } = stack;
    for (const stdin of [undefined, "", "\n"]) {
      const { exitCode, stdout } = await rpc(["System.health"], { port, ...(stdin && { stdin }) });
      expect(exitCode).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ server: { state: "up" } });
    }
  });

  test("does not wait for input from a terminal", async () => {
    await using stack = await startStack();
    let shown = "";
    const decoder = new TextDecoder();
    const child = Bun.spawn([process.execPath, "src/rpc-main.ts", "System.health"], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, RPC_ADDRESSES: `${HOST}:${stack.rpcPort}` },
      terminal: {
        data: (_terminal, bytes) => {
          shown += decoder.decode(bytes, { stream: true });
        },
      },
    });
    expect(await child.exited).toBe(0);
    expect(shown).toContain('"state": "up"');
  });

  test("leaves stdin alone if a method takes nothing or has its request", async () => {
    await using stack = await startStack();
    const { rpcPort: port } = stack;
    for (const call of [
      "System.health",
      `User.signUp '${GRACE}'`,
      "System",
      "User.signIn --help",
    ]) {
      const line = `printf 'one\ntwo\n' | { rpc ${call} > /dev/null; cat; }`;
      expect(await shell(line, { port })).toEqual(answered("one\ntwo\n"));
    }
    const { exitCode, stdout } = await rpcWithOpenStdin(
      ["System.health", "--deadline", "2s"],
      port,
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ server: { state: "up" } });
  });

  test("is silent if its reader closes the pipe", async () => {
    await using stack = await startStack();
    const { stderr } = await shell("rpc | true", { port: stack.rpcPort });
    expect(stderr).toBe("");
  });

  test("prefers --address over RPC_ADDRESSES, and uses any of several addresses", async () => {
    await using one = await startStack();
    await using other = await startStack();
    const addresses = [deadPort(), one.rpcPort, other.rpcPort].map((port) => `${HOST}:${port}`);
    for (let round = 0; round < 4; round++) {
      const args = ["System", "-v", "--address", addresses.join(",")];
      const { exitCode, stderr } = await rpc(args, { port: deadPort() });
      expect(exitCode).toBe(0);
      expect(stderr.match(/→ HELLO/g)).toHaveLength(1);
    }
  });

  test("proves the token, given as a variable or an argument", async () => {
    await using stack = await startStack({ RPC_TOKEN: TOKEN });
    const { rpcPort: port } = stack;
    const ask = (args: string[], environment = {}) =>
      rpc(["User.signIn", GRACE, ...args], { port, environment });
    const noUser = failed(1, "4 UserNotExistError\n");
    expect(await ask([], { RPC_TOKEN: TOKEN })).toEqual(noUser);
    expect(await ask(["--token", TOKEN], { RPC_TOKEN: "short" })).toEqual(noUser);
    const hint = "Set RPC_TOKEN (or --token)";
    expect(await ask([])).toEqual(failed(3, expect.stringContaining(hint)));
    const wrong = await ask(["--token", `not ${TOKEN}`, "-v"]);
    expect(wrong).toEqual(failed(3, expect.stringContaining(hint)));
    expect(wrong.stderr).not.toContain(TOKEN);
  });

  test("says to leave the token out if the server has none", async () => {
    await using stack = await startStack();
    const outcome = await rpc(["User", "--token", TOKEN], { port: stack.rpcPort });
    const hint = "Run it again without RPC_TOKEN and --token.\n";
    expect(outcome).toEqual(failed(3, expect.stringMatching(new RegExp(`has none\n${hint}$`))));
  });

  test("shows with -v each frame in its order, and where the time went", async () => {
    await using stack = await startStack({ RPC_TOKEN: TOKEN });
    const { exitCode, stdout, stderr } = await rpc(["User.signUp", GRACE, "-v"], {
      port: stack.rpcPort,
      environment: { RPC_TOKEN: TOKEN },
    });
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "{}\n" });
    const address = `${HOST}:${stack.rpcPort}`;
    const frames = stderr.matchAll(/^ +([\d.]+) ms ([→←] .*?) {2,}([\d,]+) bytes$/gm);
    const heard = Array.from(frames, ([, , what]) => what);
    expect(heard).toEqual([
      `→ HELLO ${address}`,
      `← HELLO ${address}`,
      `→ PROOF ${address}`,
      "→ REQUEST 1 System.describe",
      "← RESPONSE 1 System.describe",
      "→ REQUEST 2 User.signUp",
      "← RESPONSE 2 User.signUp",
    ]);
    expect(stderr).toContain('\n             {"username":"grace","password":"hopper1906"}\n');
    expect(stderr).toMatch(/\nTime in ms +System.describe +User.signUp\n/);
    for (const phase of ["waiting for a connection", "connecting", "queue", "handler", "total"]) {
      expect(stderr).toMatch(new RegExp(`^${phase} +\\d+\\.\\d +\\d+\\.\\d$`, "m"));
    }
    expect(stderr).not.toContain(TOKEN);
    for (const line of stderr.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  test.skipIf(!OPENSSL)(
    "speaks TLS with RPC_TLS_CA, shows its frames, and knows its server",
    async () => {
      await using folder = await Folder.make();
      const [ours, another] = await Promise.all(
        ["ours", "another"].map(async (name) => {
          await makeIdentity(folder.path, name, `IP:${HOST}`);
          return join(folder.path, name);
        }),
      );
      await using stack = await startStack({
        RPC_TLS_CERT: `${ours}.pem`,
        RPC_TLS_KEY: `${ours}.key`,
        RPC_TLS_CA: `${ours}.pem`,
      });
      const ask = (environment: Record<string, string>) =>
        rpc(["System.health", "-v"], { port: stack.rpcPort, environment });
      const trusted = await ask({ RPC_TLS_CA: `${ours}.pem` });
      expect(trusted.exitCode).toBe(0);
      expect(JSON.parse(trusted.stdout)).toMatchObject({ server: { state: "up" } });
      expect(trusted.stderr).toMatch(/→ REQUEST 2 System.health[\s\S]*← RESPONSE 2 System.health/);
      for (const environment of [{ RPC_TLS_CA: `${another}.pem` }, {}]) {
        const { exitCode, stderr } = await ask(environment);
        expect(exitCode).toBe(3);
        expect(stderr).toContain("If it uses TLS, set RPC_TLS_CA");
      }
    },
  );
});
