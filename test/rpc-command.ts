import { type ServiceDescription, systemDispatch } from "../src/gen/system.ts";
import { DEFAULT_LIMITS } from "../src/rpc/limits.ts";
import { entry, type Handler, type Method } from "../src/rpc/method.ts";
import { Listener } from "../src/rpc/server/listener.ts";
import { HOST, SAY, type Text } from "../src/rpc/testing/stack.ts";
import { createLog } from "../src/telemetry/log.ts";
import { ROOT } from "./child.ts";

// `bun run rpc` as a child process, as a shell starts it.

export const GRACE = '{"username": "grace", "password": "hopper1906"}';
export const TOKEN = "a secret of both tiers";

interface Surroundings {
  /** The value of RPC_ADDRESSES. */
  readonly port?: number;
  /** The text on stdin; empty by default. */
  readonly stdin?: string;
  readonly environment?: Record<string, string>;
}

const COMMAND = [process.execPath, "run", "rpc"];

export const rpc = (args: readonly string[], surroundings?: Surroundings) =>
  run([...COMMAND, ...args], surroundings);

/** Run a line of shell in which `rpc` is the command. */
export const shell = (line: string, surroundings?: Surroundings) =>
  run(["sh", "-c", `rpc() { ${COMMAND.join(" ")} "$@"; }; ${line}`], surroundings);

async function run(command: string[], { port, stdin, environment }: Surroundings = {}) {
  const { PATH = "" } = process.env;
  const addresses = port === undefined ? {} : { RPC_ADDRESSES: `${HOST}:${port}` };
  const child = Bun.spawn(command, {
    cwd: ROOT,
    env: { PATH, DATA_DIR: "/none", ...addresses, ...environment },
    stdio: [stdin === undefined ? "ignore" : new Blob([stdin]), "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, stdout, stderr };
}

/** With a stdin that has some bytes and never ends. */
export async function rpcWithOpenStdin(args: readonly string[], port: number) {
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

export const answered = <T>(stdout: T) => ({ exitCode: 0, stdout, stderr: "" });
export const failed = <T>(exitCode: number, stderr: T) => ({ exitCode, stdout: "", stderr });

/**
 * A server with two methods: Test.say, which has a field of each kind and a scripted answer, and
 * Test.wipe, which is only for admin and has the same answer. Admin's token is TOKEN.
 */
export function startTestServer(answer: Handler<Text, Text>): Listener & AsyncDisposable {
  const wipe: Method<Text, Text> = {
    ...SAY,
    name: "Test.wipe",
    number: 8,
    hash: "its hash",
    callers: ["admin"],
  };
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
        {
          name: "wipe",
          number: wipe.number,
          hash: wipe.hash,
          summary: "Forget it.",
          idempotent: false,
          errors: [],
          callers: ["admin"],
          request: { type: "object", properties: { text: { type: "string" } } },
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
      systemDispatch({
        describe: async () => ({ services }),
        health: never,
        stats: never,
        explain: never,
        report: never,
      }),
      [entry(say, answer), entry(wipe, answer)],
    ],
    tokens: new Map([["admin", [TOKEN]]]),
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
