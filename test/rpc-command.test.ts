import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ServiceDescription } from "../src/gen/system-messages.ts";
import { systemDispatch } from "../src/gen/system-service.ts";
import { createLog } from "../src/log.ts";
import { entry, type Handler, type Method } from "../src/rpc/call.ts";
import { DEFAULT_LIMITS } from "../src/rpc/limits.ts";
import { Listener } from "../src/rpc/listener.ts";
import { makeIdentity, OPENSSL } from "../src/rpc/testing/identity.ts";
import { deadPort, HOST, SAY, type Text } from "../src/rpc/testing/stack.ts";
import { Folder, ROOT } from "./child.ts";
import { startStack } from "./stack.ts";

// Real processes and servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

// `bun run rpc` as a process of its own, as a shell starts it.

const GRACE = '{"username": "grace", "password": "hopper1906"}';
const TOKEN = "a secret of both tiers";

interface Surroundings {
  /** Where RPC_ADDRESSES points. */
  readonly port?: number;
  /** What is on stdin; nothing where it is not given. */
  readonly stdin?: string;
  readonly environment?: Record<string, string>;
}

const COMMAND = [process.execPath, "run", "rpc"];

const rpc = (args: readonly string[], surroundings?: Surroundings) =>
  run([...COMMAND, ...args], surroundings);

/** A line of a shell, in which `rpc` is the command. */
const shell = (line: string, surroundings?: Surroundings) =>
  run(["sh", "-c", `rpc() { ${COMMAND.join(" ")} "$@"; }; ${line}`], surroundings);

async function run(command: string[], { port, stdin, environment }: Surroundings = {}) {
  const { PATH = "" } = process.env;
  const addresses = port === undefined ? {} : { RPC_ADDRESSES: `${HOST}:${port}` };
  const child = Bun.spawn(command, {
    cwd: ROOT,
    env: { PATH, ...addresses, ...environment },
    stdio: [stdin === undefined ? "ignore" : new Blob([stdin]), "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, stdout, stderr };
}

/** With a stdin on which somebody has begun to write, and never ends. */
async function rpcWithOpenStdin(args: readonly string[], port: number) {
  const child = Bun.spawn([...COMMAND, ...args], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, RPC_ADDRESSES: `${HOST}:${port}` },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.write('{"text": ');
  child.stdin.flush();
  const stdout = await new Response(child.stdout).text();
  const stderr = await new Response(child.stderr).text();
  return { exitCode: await child.exited, stdout, stderr };
}

const answered = <T>(stdout: T) => ({ exitCode: 0, stdout, stderr: "" });
const failed = <T>(exitCode: number, stderr: T) => ({ exitCode, stdout: "", stderr });

/** A server with one method, Test.say, which has a field of each kind and answers as it is told. */
function startTestServer(answer: Handler<Text, Text>): Listener & AsyncDisposable {
  const say: Method<Text, Text> = { ...SAY, hash: "its hash" };
  const services: ServiceDescription[] = [
    {
      service: "Test",
      methods: [
        {
          name: "say",
          number: say.number,
          hash: say.hash,
          summary: "Say it again.",
          idempotent: false,
          errors: ["PasswordError", "FutureError"],
          request: SAYING,
          reply: { type: "object", properties: {} },
        },
      ],
    },
  ];
  const never = () => Promise.reject(new Error("Cannot be asked in a test"));
  const listener = new Listener({
    host: HOST,
    port: 0,
    tables: [
      systemDispatch({ describe: async () => ({ services }), health: never, stats: never }),
      [entry(say, answer)],
    ],
    log: createLog("test", "silent", false),
    limits: DEFAULT_LIMITS,
  });
  return Object.assign(listener, { [Symbol.asyncDispose]: () => listener.close(0) });
}

const SAYING = {
  type: "object",
  required: ["text", "mood", "parts", "tags", "it's"],
  properties: {
    text: { type: "string", description: "What to say, as often as it takes to fill a line." },
    mood: { anyOf: [{ const: "glad" }, { const: "sad" }] },
    times: { type: "integer", minimum: 1, maximum: 9 },
    parts: {
      type: "array",
      items: { type: "object", required: ["id"], properties: { id: { type: "integer" } } },
    },
    tags: { type: "object", patternProperties: { "^.*$": { type: "string" } } },
    "it's": {},
  },
};

describe("bun run rpc", () => {
  test("lists every service with its methods", async () => {
    await using stack = await startStack();
    const { exitCode, stdout, stderr } = await rpc([], { port: stack.rpcPort });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toContain(
      [
        "  2  signIn({ username, password }) → { sessionId }",
        "     Exchange credentials for a session.",
        "     Errors: UserNotExistError, PasswordError",
      ].join("\n"),
    );
    expect(stdout.match(/^\w+$/gm)).toEqual(["User", "System"]);
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
        "    errors         map to integers ≥ 0  Error or RPC status → calls that ended",
        "                                        with it.\n",
      ].join("\n"),
    );
  });

  test("shows a method's fields, errors and an example", async () => {
    await using server = startTestServer(async () => ({ text: "" }));
    const { port } = server;
    expect(await rpc(["Test.say", "--help"], { port })).toEqual(
      answered(`Test.say (method 7): Say it again.
Not idempotent: tried again by itself only where it has certainly not run.

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
`);
  });

  test("teaches how it is used, without a server", async () => {
    const { exitCode, stdout, stderr } = await rpc(["--help"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    for (const word of ["--address", "--deadline", "--token", "-v,", "RPC_TLS_CA", "Exit codes"]) {
      expect(stdout).toContain(word);
    }
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    expect((await rpc(["-h"])).stdout).toBe(stdout);
  });

  test("calls a method with an argument or with what is on stdin", async () => {
    await using stack = await startStack();
    const { rpcPort: port } = stack;
    expect(await rpc(["User.signUp", GRACE], { port })).toEqual(answered("{}\n"));
    const signIns = [
      await rpc(["User.signIn", GRACE], { port }),
      await rpc(["User.signIn"], { port, stdin: GRACE }),
      await rpc(["User.signIn", "-"], { port, stdin: `\n${GRACE}\n` }),
    ];
    for (const signIn of signIns) {
      expect(signIn).toEqual(answered(expect.stringMatching(/^\{\n {2}"sessionId": "\S+"\n\}\n$/)));
      const { stdout } = await rpc(["User.getUserInfo"], { port, stdin: signIn.stdout });
      expect(JSON.parse(stdout)).toMatchObject({ username: "grace" });
    }
  });

  test("takes nothing on stdin for an empty request", async () => {
    await using stack = await startStack();
    const { rpcPort: port } = stack;
    for (const stdin of [undefined, "", "\n"]) {
      const { exitCode, stdout } = await rpc(["System.health"], { port, ...(stdin && { stdin }) });
      expect(exitCode).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ server: { state: "up" } });
    }
  });

  test("does not wait for a terminal to say something", async () => {
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

  test("ends with 1 for an error of the service, and says its code and name", async () => {
    await using stack = await startStack();
    const { rpcPort: port } = stack;
    await stack.user.signUp({ username: "grace", password: "hopper1906" });
    const wrong = '{"username": "grace", "password": "wrong"}';
    expect(await rpc(["User.signIn", wrong], { port })).toEqual(failed(1, "5 PasswordError\n"));
    expect(await rpc(["User.signUp", GRACE], { port })).toEqual(failed(1, "3 UserExistedError\n"));
  });

  test.each([
    ['{"a": grace}', "the argument is not JSON, at line 1, column 7", '  {"a": grace}\n        ^'],
    ['{\n  "a": 1,\n}', "the argument is not JSON, at line 3, column 1", "  }\n  ^"],
    ['{"a": 1', "the argument ends before it is complete, at line 1, column 8", ""],
    ['{"a": 1}}', "the argument is not JSON, at line 1, column 9", ""],
    ["[1]", "the argument is an array, must be an object", ""],
    ["null", "the argument is null, must be an object", ""],
    ["", "the argument ends before it is complete", ""],
  ])("refuses the request %j before it asks a server", async (request, why, mark) => {
    const { exitCode, stdout, stderr } = await rpc(["Any.thing", request], { port: deadPort() });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toStartWith(`Cannot read the request: ${why}`);
    expect(stderr).toContain(mark);
  });

  test("says where stdin is not JSON", async () => {
    await using stack = await startStack();
    const stdin = '{"a"\n1}';
    for (const { exitCode, stderr } of [
      await rpc(["Any.thing", "-"], { port: deadPort(), stdin }),
      await rpc(["User.signIn"], { port: stack.rpcPort, stdin }),
    ]) {
      expect(exitCode).toBe(2);
      expect(stderr).toContain("stdin is not JSON, at line 2, column 1\n  1}\n  ^");
    }
  });

  test("leaves stdin alone where a method takes nothing, or has its request", async () => {
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

  test("waits for stdin no longer than --deadline, and calls nothing", async () => {
    let called = 0;
    await using server = startTestServer(async ({ text }) => {
      called++;
      return { text };
    });
    for (const args of [["Test.say"], ["Test.say", "-"]]) {
      const { exitCode, stderr } = await rpcWithOpenStdin(
        [...args, "--deadline", "1500ms"],
        server.port,
      );
      expect(exitCode).toBe(3);
      expect(stderr).toMatch(
        /^deadline_exceeded: Cannot read the request: stdin has not ended before the deadline$/m,
      );
      expect(stderr).not.toContain("It may have run");
    }
    expect(called).toBe(0);
  });

  test.skipIf(!existsSync("/dev/full"))(
    "ends with 3 where the reply cannot be written",
    async () => {
      await using stack = await startStack();
      const { rpcPort: port } = stack;
      for (const args of ["System.health", "User.signIn --help", "--help"]) {
        const { exitCode, stderr } = await shell(`rpc ${args} > /dev/full`, { port });
        expect(exitCode).toBe(3);
        expect(stderr).toMatch(/^Cannot write to stdout: .*no space left on device/);
      }
    },
  );

  test("says nothing where its reader has enough", async () => {
    await using stack = await startStack();
    const { stderr } = await shell("rpc | true", { port: stack.rpcPort });
    expect(stderr).toBe("");
  });

  test("says after an unexpected error where the server's log tells more", async () => {
    const requestIds: string[] = [];
    await using server = startTestServer(async (_request, { requestId }) => {
      requestIds.push(requestId);
      throw new Error("secret");
    });
    const outcome = await rpc(["Test.say", '{"text": ""}'], { port: server.port });
    expect(requestIds).toEqual([expect.stringMatching(/^[\w-]{36}$/)]);
    expect(outcome).toEqual(
      failed(3, expect.stringMatching(/^internal: Test\.say failed\nThe server's log says why/)),
    );
    expect(outcome.stderr).toContain(`requestId ${requestIds[0]}`);
  });

  test.each([
    [["User.sigIn"], "Cannot find User.sigIn: did you mean User.signIn?"],
    [["signin"], "Cannot find signin: did you mean User.signIn?"],
    [["User/signIn"], "Cannot find User/signIn: did you mean User.signIn?"],
    [["Usr"], "Cannot find Usr: did you mean User?"],
    [["Payment.refund"], "Cannot find Payment.refund: the server has User, System"],
    [["System.somethingElse"], "System.somethingElse: System has health, describe, stats"],
    [
      ["User.signIn", "{}"],
      "invalid_argument: Cannot accept the request of User.signIn: /username",
    ],
    [["User.signIn", "{}"], "`bun run rpc User.signIn --help` shows the fields of a request."],
    [["User.signIn", "{}", "extra"], 'Cannot take "extra"'],
    [["User", "{}"], 'Cannot call "User": must be SERVICE.METHOD'],
    [["--colour"], "Unknown option '--colour': see `bun run rpc --help`"],
    [["--deadline"], "Option '--deadline <value>' argument missing"],
    [["--deadline", "soon"], '--deadline is "soon": must be like 500ms or 2s'],
    [["--deadline", "0"], '--deadline is "0": must be'],
    [["--address", "here"], '--address has "here": must be host:port'],
    [["--token", "short"], "--token must have 16 characters or more"],
  ])("ends with 2 for %j", async (args, why) => {
    await using stack = await startStack();
    const outcome = await rpc(args, { port: stack.rpcPort });
    expect(outcome).toEqual(failed(2, expect.stringContaining(why)));
  });

  test("ends with 2 where the environment is wrong, naming the variable", async () => {
    const environment = { RPC_ADDRESSES: "nowhere", RPC_TOKEN: "short" };
    const { exitCode, stderr } = await rpc(["User"], { environment });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^RPC_TOKEN must have .*\nRPC_ADDRESSES has "nowhere"/);
  });

  test("reads only the variables that a call needs", async () => {
    await using stack = await startStack();
    const { rpcPort: port } = stack;
    const address = `${HOST}:${port}`;
    const ofTiers = { HTTP_PORT: "abc", DATA_DIR: "", LOG_LEVEL: "loud", RPC_TLS_CERT: "/none" };
    const wrong = { ...ofTiers, RPC_HOST: "0.0.0.0", RPC_PORT: "abc" };
    const unused = { RPC_ADDRESSES: "nowhere" };
    for (const outcome of [
      await rpc(["User"], { port, environment: wrong }),
      await rpc(["User", "--address", address], { environment: { ...wrong, ...unused } }),
      await rpc(["User"], { environment: { ...ofTiers, RPC_PORT: `${port}` } }),
    ]) {
      expect(outcome).toEqual(answered(expect.stringContaining("signIn")));
    }
    const { exitCode, stderr } = await rpc(["User"], { environment: wrong });
    expect({ exitCode, lines: stderr.match(/^\w+/gm) }).toEqual({
      exitCode: 2,
      lines: ["RPC_HOST", "RPC_PORT"],
    });
  });

  test("ends with 3 where nobody listens, and says where and what to do", async () => {
    const port = deadPort();
    const { exitCode, stdout, stderr } = await rpc(["User"], { port });
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: "" });
    expect(stderr).toContain(`unavailable: Cannot reach ${HOST}:${port}: connect failed`);
    expect(stderr).toMatch(/bun run start:tcp[\s\S]*--address/);
  });

  test("ends with 3 after --deadline, and says where the time went", async () => {
    const leftMs: number[] = [];
    await using server = startTestServer((_request, context) => {
      leftMs.push(context.remainingMs());
      return new Promise(() => {});
    });
    const call = (deadline: string) =>
      rpc(["Test.say", '{"text": ""}', "--deadline", deadline], { port: server.port });
    const outcomes = await Promise.all(["1500ms", "1.5s", "1500"].map(call));
    for (const { exitCode, stdout, stderr } of outcomes) {
      expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: "" });
      expect(stderr).toMatch(/^deadline_exceeded: Cannot finish Test.say: .*handler \d{3,4} ms/);
      expect(stderr).toContain("It may have run on the server all the same.");
    }
    expect(leftMs).toHaveLength(outcomes.length);
    expect(Math.max(...leftMs)).toBeLessThanOrEqual(1500);
  });

  test("prefers --address to RPC_ADDRESSES, and uses any one of several", async () => {
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
    for (const phase of ["waiting for a connection", "connecting", "queue", "handler", "in all"]) {
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
        expect(stderr).toContain("One with TLS needs RPC_TLS_CA");
      }
    },
  );
});
