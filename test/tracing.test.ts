import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { type Child, Folder, startHttp, startTcp } from "./child.ts";

// Processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const PRELOAD = {
  BUN_OPTIONS: `--preload ${join(import.meta.dir, "print-spans.ts")}`,
  // A value that our own exporter does not take: it is for the SDK of the app.
  OTEL_TRACES_EXPORTER: "zipkin",
};
const [SERVER, CLIENT] = [1, 2];
const [UNSET, ERROR] = [0, 2];

/** The first span of this name and status that a tier prints. */
async function spanOf(tier: Child, name: string, code: number): Promise<Record<string, unknown>> {
  const [line] = await tier.waitFor(
    new RegExp(`^\\{"span":\\{"name":"${name}".*"code":${code}.*$`, "m"),
  );
  return JSON.parse(line).span;
}

test("with an SDK preloaded, each call is a span in both tiers, in one trace", async () => {
  await using folder = await Folder.make();
  await using tcp = startTcp(folder.path, PRELOAD);
  const rpcAddress = await tcp.listening();
  await using http = startHttp(folder.path, rpcAddress, PRELOAD);
  const address = await http.listening();
  const signIn = () =>
    fetch(`${address}/api/entrytask/user/signin`, {
      method: "POST",
      body: new URLSearchParams({ username: "nobody", password: "secret" }),
    });
  const response = await signIn();
  expect(response.status).toBe(404);
  const client = await spanOf(http, "User.signIn", UNSET);
  const server = await spanOf(tcp, "User.signIn", UNSET);
  expect(server).toMatchObject({ traceId: client.traceId, parentSpanId: client.spanId });
  expect([client.kind, server.kind]).toEqual([CLIENT, SERVER]);
  const request = await spanOf(http, "POST /api/entrytask/user/signin", UNSET);
  expect(client).toMatchObject({ traceId: request.traceId, parentSpanId: request.spanId });
  const rpc = {
    "rpc.system.name": "portico",
    "rpc.method": "User.signIn",
    "rpc.response.status_code": "UserNotExistError",
    "portico.request_id": response.headers.get("X-Request-Id"),
    "server.address": "127.0.0.1",
    "server.port": Number(rpcAddress.split(":")[1]),
  };
  expect(client.attributes).toEqual(rpc);
  expect(server.attributes).toEqual({ ...rpc, "client.address": "127.0.0.1" });
  const lookUp = await spanOf(tcp, "read user", UNSET);
  expect(lookUp).toMatchObject({ traceId: client.traceId, parentSpanId: server.spanId });

  // No server answers: an error that only the client's span has.
  tcp.kill("SIGKILL");
  await tcp.exited();
  expect((await signIn()).status).toBe(503);
  const failed = await spanOf(http, "User.signIn", ERROR);
  expect(failed.status).toEqual({ code: ERROR });
  expect(failed.attributes).toMatchObject({ "error.type": "unavailable" });
  expect(failed.traceId).not.toBe(client.traceId);
});

test("a preloaded SDK that is too old to be seen is a warning, and nothing fails", async () => {
  await using folder = await Folder.make();
  const path = join(folder.path, "old-sdk.ts");
  const registered = `globalThis[Symbol.for("opentelemetry.js.api.1")] = { version: "1.9.1" };`;
  await Bun.write(path, registered);
  await using tcp = startTcp(folder.path, { ...PRELOAD, BUN_OPTIONS: `--preload ${path}` });
  await tcp.listening();
  expect(tcp.output).toContain("the preloaded SDK makes no spans");
});
