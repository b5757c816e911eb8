import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { type Child, Folder, startHttp, startTcp } from "./child.ts";

// Processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const PRELOAD = { BUN_OPTIONS: `--preload ${join(import.meta.dir, "print-spans.ts")}` };
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
  await using http = startHttp(folder.path, await tcp.listening(), PRELOAD);
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
  for (const span of [client, server]) {
    expect(span.attributes).toEqual({
      "rpc.system": "portico",
      "rpc.service": "User",
      "rpc.method": "signIn",
      "portico.request_id": response.headers.get("X-Request-Id"),
      "portico.outcome": "UserNotExistError",
    });
  }

  // No server answers: an error that only the client's span has.
  tcp.kill("SIGKILL");
  await tcp.exited();
  expect((await signIn()).status).toBe(503);
  const failed = await spanOf(http, "User.signIn", ERROR);
  expect(failed.status).toEqual({ code: ERROR, message: "unavailable" });
  expect(failed.traceId).not.toBe(client.traceId);
});
