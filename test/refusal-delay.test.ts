import { expect, setDefaultTimeout, test } from "bun:test";
import { RpcError, type RpcStatus } from "../src/rpc/error.ts";
import { type FrontOptions, startFront } from "./http-front.ts";

// The answers to attempts that the throttle refuses come late, so that a flood of them is slow.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

/** Longer than a test may take. */
const NEVER_MS = 1_000_000;

/** A sign-up is refused by the throttle, and a sign-in succeeds. */
const startRefusing = (options?: FrontOptions, status: RpcStatus = "rate_limited") =>
  startFront(
    {
      async signUp() {
        throw new RpcError(status, "on purpose", { processed: false, retryAfterMs: 9000 });
      },
    },
    options,
  );

function post(url: string, path: string): Promise<Response> {
  return fetch(`${url}/api/entrytask/user/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: '{"username":"grace","password":"hopper1906"}',
  });
}

test.each<[RpcStatus, number]>([
  ["rate_limited", 429],
  // Where hashes are slow, a flood gets these before it has failed often enough for the others.
  ["resource_exhausted", 503],
])("one connection gets few refusals by %s", async (refusal, status) => {
  await using front = await startRefusing({}, refusal);
  const begunAt = performance.now();
  for (let n = 0; n < 3; n++) expect((await post(front.url, "signup")).status).toBe(status);
  expect(performance.now() - begunAt).toBeGreaterThan(700);
});

test("a refusal that waits delays no other answer, and a closing server answers it", async () => {
  await using front = await startRefusing({ refusalDelayMs: NEVER_MS });
  const refused = post(front.url, "signup");
  while (front.calls.methods.size === 0) await Bun.sleep(5);
  expect((await post(front.url, "signin")).status).toBe(200);
  expect(Bun.peek.status(refused)).toBe("pending");
  const closed = front.http.close(30_000);
  const { status, headers } = await refused;
  expect([status, headers.get("retry-after")]).toEqual([429, "9"]);
  await closed;
});
