import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Hits, LoadTool } from "./load-tool.ts";
import { oha } from "./oha.ts";
import { writeLines } from "./traffic.ts";
import { wrk } from "./wrk.ts";

setDefaultTimeout(30_000);

const CONNECTIONS = 2;

async function fireAt(tool: LoadTool, origin: string, countRefused: boolean): Promise<Hits> {
  const folder = await mkdtemp(join(tmpdir(), "portico-load-"));
  try {
    const file = await writeLines(folder, ["{}"]);
    const traffic = { path: "/", lines: "body", file, countRefused } as const;
    return await tool.fire({ origin, connections: CONNECTIONS, seconds: 1, traffic });
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A second of load on a server that gives these answers in turn, and how many it has given. */
async function fire(tool: LoadTool, answers: readonly Answer[], countRefused = false) {
  let given = 0;
  const answer = () => {
    const [status = 0, headers = {}] = answers[given++ % answers.length] ?? [];
    return new Response("", { status, headers });
  };
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  const hits = await fireAt(tool, server.url.origin, countRefused);
  /** All but those that were under way when the time was up. */
  const isAll = (count: number) => count <= given && count >= Math.max(1, given - CONNECTIONS);
  return { hits, isAll };
}

type Answer = readonly [status: number, headers?: Readonly<Record<string, string>>];
const REFUSED: Answer = [503, { "Retry-After": "1" }];

for (const tool of [wrk, oha]) {
  const isThere = (await tool.version()) !== undefined;
  const name = isThere ? tool.name : `${tool.name} (it is not installed)`;

  test.skipIf(!isThere)(`${name}: what is under 400 is a request that was answered`, async () => {
    const { hits, isAll } = await fire(tool, [[200], [201], [304]]);
    expect(hits).toMatchObject({ errors: 0, refused: 0 });
    expect(hits).toSatisfy(({ requests }) => isAll(requests));
    expect(hits.latencyMs.p50).toBeWithin(0, hits.latencyMs.max + 1);
  });

  test.skipIf(!isThere)(`${name}: what is not is an error`, async () => {
    const { hits, isAll } = await fire(tool, [[500], [404], REFUSED, [401]]);
    expect(hits).toMatchObject({ requests: 0, refused: 0 });
    expect(hits).toSatisfy(({ errors }) => isAll(errors));
  });

  test.skipIf(!isThere)(`${name}: refusals are counted apart where they are to be`, async () => {
    const { hits, isAll } = await fire(tool, [REFUSED], true);
    expect(hits).toMatchObject({ requests: 0, errors: 0 });
    expect(hits).toSatisfy(({ refused }) => isAll(refused));
  });

  test.skipIf(!isThere)(`${name}: connections that are cut are errors`, async () => {
    using server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.terminate() },
    });
    const hits = await fireAt(tool, `http://127.0.0.1:${server.port}`, false);
    expect(hits.requests).toBe(0);
    expect(hits.errors).toBeGreaterThan(0);
  });
}

test.skipIf((await wrk.version()) === undefined)(
  "wrk: a 503 without Retry-After is an error all the same",
  async () => {
    const { hits, isAll } = await fire(wrk, [[503]], true);
    expect(hits).toMatchObject({ requests: 0, refused: 0 });
    expect(hits).toSatisfy(({ errors }) => isAll(errors));
  },
);
