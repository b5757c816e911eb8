import { expect, setDefaultTimeout, test } from "bun:test";
import { Folder } from "../../test/child.ts";
import type { LoadTool, ToolReport } from "./load-tool.ts";
import { oha } from "./oha.ts";
import { writeLines } from "./traffic.ts";
import { wrk } from "./wrk.ts";

setDefaultTimeout(30_000);

const CONNECTIONS = 2;

async function sendTo(tool: LoadTool, origin: string, countRefused: boolean): Promise<ToolReport> {
  await using folder = await Folder.make();
  const file = await writeLines(folder.path, ["{}"]);
  const traffic = { path: "/", lines: "body", file, countRefused } as const;
  return await tool.send({ origin, connections: CONNECTIONS, seconds: 1, traffic });
}

/** Send a load for a second to a server that gives these answers in turn, and count them. */
async function send(tool: LoadTool, answers: readonly Answer[], countRefused = false) {
  let given = 0;
  const answer = () => {
    const [status = 0, headers = {}] = answers[given++ % answers.length] ?? [];
    return new Response("", { status, headers });
  };
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  const report = await sendTo(tool, server.url.origin, countRefused);
  /** Requests that were in flight at the end may be missing. */
  const isAll = (count: number) => count <= given && count >= Math.max(1, given - CONNECTIONS);
  return { report, isAll };
}

type Answer = readonly [status: number, headers?: Readonly<Record<string, string>>];
const REFUSED: Answer = [503, { "Retry-After": "1" }];

for (const tool of [wrk, oha]) {
  const isThere = (await tool.version()) !== undefined;
  const name = isThere ? tool.name : `${tool.name} (not installed)`;

  test.skipIf(!isThere)(`${name}: a status under 400 counts as an answered request`, async () => {
    const { report, isAll } = await send(tool, [[200], [201], [304]]);
    expect(report).toMatchObject({ errors: 0, refused: 0 });
    expect(report).toSatisfy(({ requests }) => isAll(requests));
    expect(report.latencyMs.p50).toBeWithin(0, report.latencyMs.max + 1);
  });

  test.skipIf(!isThere)(`${name}: a status of 400 or more counts as an error`, async () => {
    const { report, isAll } = await send(tool, [[500], [404], REFUSED, [401]]);
    expect(report).toMatchObject({ requests: 0, refused: 0 });
    expect(report).toSatisfy(({ errors }) => isAll(errors));
  });

  test.skipIf(!isThere)(`${name}: refusals are counted separately if asked to`, async () => {
    const { report, isAll } = await send(tool, [REFUSED], true);
    expect(report).toMatchObject({ requests: 0, errors: 0 });
    expect(report).toSatisfy(({ refused }) => isAll(refused));
  });

  test.skipIf(!isThere)(`${name}: cut connections count as errors`, async () => {
    using server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.terminate() },
    });
    const report = await sendTo(tool, `http://127.0.0.1:${server.port}`, false);
    expect(report.requests).toBe(0);
    expect(report.errors).toBeGreaterThan(0);
  });
}

test.skipIf((await wrk.version()) === undefined)(
  "wrk: a 503 without Retry-After is an error even then",
  async () => {
    const { report, isAll } = await send(wrk, [[503]], true);
    expect(report).toMatchObject({ requests: 0, refused: 0 });
    expect(report).toSatisfy(({ errors }) => isAll(errors));
  },
);
