import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Hits, LoadTool } from "./load-tool.ts";
import { oha } from "./oha.ts";
import { writeLines } from "./traffic.ts";
import { wrk } from "./wrk.ts";

setDefaultTimeout(30_000);

/** A second of load on a server that answers like this. @returns what the server has counted, too */
async function fire(
  tool: LoadTool,
  answer: (nth: number) => Response,
  countRefused: boolean,
): Promise<Hits & { readonly asked: number }> {
  const folder = await mkdtemp(join(tmpdir(), "portico-load-"));
  let asked = 0;
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => answer(asked++) });
  try {
    const file = await writeLines(folder, ["a=b"]);
    const traffic = { path: "/", lines: "cookie", file, countRefused } as const;
    const shot = { origin: server.url.origin, connections: 2, seconds: 1, traffic };
    return { ...(await tool.fire(shot)), asked };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const refused = () => new Response("", { status: 503, headers: { "Retry-After": "1" } });

for (const tool of [wrk, oha]) {
  const isThere = (await tool.version()) !== undefined;
  const name = isThere ? tool.name : `${tool.name} (it is not installed)`;

  test.skipIf(!isThere)(`${name}: success is what is counted as requests`, async () => {
    const hits = await fire(tool, () => new Response("ok"), false);
    expect(hits.requests).toBeWithin(1, hits.asked + 1);
    expect(hits).toMatchObject({ errors: 0, refused: 0 });
    expect(hits.latencyMs.p50).toBeWithin(0, hits.latencyMs.max + 1);
  });

  test.skipIf(!isThere)(`${name}: other answers are errors`, async () => {
    const answers = [500, 404, 503, 401].map((status) => () => new Response("", { status }));
    const hits = await fire(tool, (nth) => answers[nth % 4]?.() ?? refused(), false);
    expect(hits.errors).toBeWithin(1, hits.asked + 1);
    expect(hits).toMatchObject({ requests: 0, refused: 0 });
  });

  test.skipIf(!isThere)(`${name}: refusals are counted apart, if they are to be`, async () => {
    const counted = await fire(tool, refused, true);
    expect(counted.refused).toBeWithin(1, counted.asked + 1);
    expect(counted).toMatchObject({ requests: 0, errors: 0 });
    expect(await fire(tool, refused, false)).toMatchObject({ requests: 0, refused: 0 });
  });

  test.skipIf(!isThere)(`${name}: connections that are cut are errors`, async () => {
    using server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.terminate() },
    });
    const file = join(import.meta.dir, "wrk.lua");
    const traffic = { path: "/", lines: "body", file, countRefused: false } as const;
    const origin = `http://127.0.0.1:${server.port}`;
    const hits = await tool.fire({ origin, connections: 2, seconds: 1, traffic });
    expect(hits.requests).toBe(0);
    expect(hits.errors).toBeGreaterThan(0);
  });
}

test.skipIf((await wrk.version()) === undefined)(
  "wrk: a 503 without Retry-After is an error all the same",
  async () => {
    const hits = await fire(wrk, () => new Response("", { status: 503 }), true);
    expect(hits).toMatchObject({ requests: 0, refused: 0 });
    expect(hits.errors).toBeGreaterThan(0);
  },
);
