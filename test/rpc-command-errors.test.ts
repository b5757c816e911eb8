import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { deadPort, HOST } from "../src/rpc/testing/stack.ts";
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

// Error messages of `bun run rpc`, and the exit codes that tell whose fault it is.

// Real processes and servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

describe("bun run rpc", () => {
  test("ends with 1 for an error of the service, and prints its code and name", async () => {
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

  test("says where stdin is not JSON, without its text, which may hold a password", async () => {
    await using stack = await startStack();
    const stdin = '{"a"\n1}';
    for (const { exitCode, stderr } of [
      await rpc(["Any.thing", "-"], { port: deadPort(), stdin }),
      await rpc(["User.signIn"], { port: stack.rpcPort, stdin }),
    ]) {
      expect(exitCode).toBe(2);
      expect(stderr).toContain("stdin is not JSON, at line 2, column 1\nIt must be");
    }
  });

  test("waits for stdin no longer than --deadline, and calls nothing", async () => {
    let called = 0;
    await using server = startTestServer(async ({ text }) => {
      called++;
      return { text };
    });
    const call = (...args: string[]) =>
      rpcWithOpenStdin(["Test.say", ...args, "--deadline", "1500ms"], server.port);
    for (const { exitCode, stderr } of await Promise.all([call(), call("-")])) {
      expect(exitCode).toBe(3);
      expect(stderr).toMatch(
        /^deadline_exceeded: Cannot read the request: stdin has not ended before the deadline$/m,
      );
      expect(stderr).not.toContain("may have run");
    }
    expect(called).toBe(0);
  });

  test.skipIf(!existsSync("/dev/full"))("ends with 3 if the reply cannot be written", async () => {
    await using stack = await startStack();
    const { rpcPort: port } = stack;
    for (const args of ["System.health", "User.signIn --help", "--help"]) {
      const { exitCode, stderr } = await shell(`rpc ${args} > /dev/full`, { port });
      expect(exitCode).toBe(3);
      expect(stderr).toMatch(/^Cannot write to stdout: .*no space left on device/);
    }
  });

  test("says after an unexpected error that the server's log has more", async () => {
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
    [["Payment.refund"], "Cannot find Payment.refund: the server has User, Admin, System"],
    [["System.somethingElse"], "System.somethingElse: System has health, describe, stats"],
    [
      ["User.signIn", "{}"],
      "invalid_argument: Cannot accept the request of User.signIn: /username",
    ],
    [["User.signIn", "{}"], "`bun run rpc User.signIn --help` shows the fields of a request."],
    [["User.signIn", "{}", "extra"], 'Cannot take "extra"'],
    [["User", "{}"], 'Cannot call "User": must be SERVICE.METHOD'],
    [
      ["--colour"],
      "Unknown option '--colour': `bun run rpc` takes --address, --caller, --config, --deadline, --help",
    ],
    [["--deadline"], "Option '--deadline <value>' argument missing"],
    [["--deadline", "soon"], '--deadline is "soon": must be like 500ms or 2s'],
    [["--deadline", "0"], '--deadline is "0": must be'],
    [["--address", "here"], '--address has "here": must be host:port'],
    [["--caller", "Admin"], '--caller is "Admin": must be a name like admin or batch-job'],
    [["--token", "short"], "--token must have 16 characters or more"],
  ])("ends with 2 for %j", async (args, why) => {
    await using stack = await startStack();
    const outcome = await rpc(args, { port: stack.rpcPort });
    expect(outcome).toEqual(failed(2, expect.stringContaining(why)));
  });

  test("explains that a method is for another caller, and calls as that with its token", async () => {
    await using server = startTestServer(async (_, { caller }) => ({ text: caller }));
    const { port } = server;
    const wipe = (args: string[], environment = {}) =>
      rpc(["Test.wipe", '{"text": "a"}', ...args], { port, environment });
    const refused = await wipe([]);
    expect(refused).toMatchObject({ exitCode: 3, stdout: "" });
    expect(refused.stderr).toMatch(
      /^permission_denied: The caller "http" may not call Test\.wipe\n.*--caller admin.*DATA_DIR/s,
    );
    expect(refused.stderr).not.toContain("may have run");
    const admin = answered('{\n  "text": "admin"\n}\n');
    expect(await wipe([], { RPC_TOKENS: `admin:${TOKEN}` })).toEqual(admin);
    expect(await wipe(["--caller", "admin", "--token", TOKEN], { RPC_TOKEN: "short" })).toEqual(
      admin,
    );
    const without = await wipe(["--caller", "admin"]);
    expect(without).toMatchObject({ exitCode: 3, stdout: "" });
    expect(without.stderr).toMatch(
      /asks for the token of the caller "admin", which is not set here\nSet RPC_TOKENS \(or --token\)/,
    );
    const wrong = await wipe(["--caller", "admin", "--token", `not ${TOKEN}`]);
    expect(wrong.stderr).toMatch(/wrong token of the caller "admin".*\nSet RPC_TOKENS/);
    expect(wrong.stderr).not.toContain(TOKEN);
  });

  test("says that a server does not know the caller, and what to set", async () => {
    await using stack = await startStack({ RPC_TOKEN: TOKEN });
    const args = ["System.health", "--caller", "batch", "--token", `not ${TOKEN}`];
    const { exitCode, stderr } = await rpc(args, { port: stack.rpcPort });
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/the server has no token of the caller "batch"\nSet RPC_TOKENS/);
  });

  test("ends with 2 if the environment is wrong, and names the variable", async () => {
    const environment = { RPC_ADDRESSES: "nowhere", RPC_TOKEN: "short" };
    const { exitCode, stderr } = await rpc(["User"], { environment });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^RPC_ADDRESSES has "nowhere".*\nRPC_TOKEN must have /);
  });

  test("reads only the variables that a call needs", async () => {
    await using stack = await startStack();
    const { rpcPort: port } = stack;
    const address = `${HOST}:${port}`;
    const ofTiers = {
      HTTP_PORT: "abc",
      DATABASE_URL: "",
      LOG_LEVEL: "loud",
      RPC_TLS_CERT: "/none",
    };
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
      lines: ["RPC_PORT"],
    });
  });

  test("ends with 3 if the connection is refused, and says where and what to do", async () => {
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
      expect(stderr).toMatch(
        /^deadline_exceeded: Cannot finish Test.say at 127\.0\.0\.1:\d+: .*handler \d{3,4} ms/,
      );
      expect(stderr).toContain("The method may have run on the server.");
    }
    expect(leftMs).toHaveLength(outcomes.length);
    expect(Math.max(...leftMs)).toBeLessThanOrEqual(1500);
  });
});
