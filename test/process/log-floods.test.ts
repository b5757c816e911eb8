import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Child, Folder, startHttp, startTcp } from "../child.ts";
import { freePort } from "../ports.ts";
import { available as hasRedis, startRedis } from "../redis.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

// However often something goes wrong, the log has one line a second for each reason.

const CREDENTIALS = JSON.stringify({ username: "grace", password: "hopper1906" });
const HEADERS = { "Content-Type": "application/json" };
const FLOOD_MS = 3000;

/** Call without a pause on several connections. Resolves to the number of answers. */
async function flood(ask: () => Promise<Response>): Promise<number> {
  const endsAt = performance.now() + FLOOD_MS;
  let answers = 0;
  const client = async () => {
    while (performance.now() < endsAt) {
      await (await ask()).text();
      answers++;
    }
  };
  await Promise.all(Array.from({ length: 128 }, client));
  return answers;
}

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly reason?: string;
  readonly err?: { readonly message: string };
  readonly count?: number;
}

function problemsOf({ output }: Child): LogLine[] {
  const lines = output.trimEnd().split("\n");
  return lines
    .map((line): LogLine => JSON.parse(line))
    .filter(({ level }) => level === "warn" || level === "error");
}

/** The log lines by event. */
function linesByEvent(lines: readonly LogLine[]): Record<string, LogLine[]> {
  return Object.groupBy(lines, ({ msg }) => msg) as Record<string, LogLine[]>;
}

const times = (lines: readonly LogLine[]) => lines.reduce((sum, { count = 1 }) => sum + count, 0);

describe("a flood of answers that are problems", () => {
  test("of an HTTP tier without a TCP tier is a few lines, and their counts add up", async () => {
    await using folder = await Folder.make();
    await using http = startHttp(folder.path, `127.0.0.1:${freePort()}`);
    const url = `${await http.listening()}/api/entrytask/user/signin`;
    const answers = await flood(() =>
      fetch(url, { method: "POST", headers: HEADERS, body: CREDENTIALS }),
    );
    http.kill("SIGTERM");
    expect(await http.exited()).toBe(0);
    expect(answers).toBeGreaterThan(100);
    const refused = problemsOf(http).filter(({ msg }) => msg.endsWith("signin 503"));
    expect(times(refused)).toBe(answers);
    const reasons = new Set(refused.map(({ reason = "" }) => reason.replace(/\d+/g, "0")));
    expect(refused.length).toBeLessThanOrEqual(reasons.size * (FLOOD_MS / 1000 + 3));
    // One more line says what is wrong.
    const away = problemsOf(http).filter(({ msg }) => msg.startsWith("cannot reach TCP server "));
    expect(away).toHaveLength(1);
  });

  test.skipIf(!hasRedis)(
    "of tiers whose Redis is down is a few lines, and few stacks",
    async () => {
      await using folder = await Folder.make();
      await using redis = await startRedis();
      const REDIS_URL = await redis.createDatabase();
      await using tcp = startTcp(folder.path, { REDIS_URL, PASSWORD_HASH: "salted-md5" });
      await using http = startHttp(folder.path, await tcp.listening());
      const url = `${await http.listening()}/api/entrytask/user/`;
      const post = (path: string) =>
        fetch(`${url}${path}`, { method: "POST", headers: HEADERS, body: CREDENTIALS });
      expect((await post("signup")).status).toBe(200);
      const cookie = (await post("signin")).headers.getSetCookie()[0]?.split(";")[0] ?? "";
      await redis.kill();
      const answers = await flood(() =>
        Math.random() < 0.5
          ? post("signin")
          : fetch(`${url}get_user_info`, { headers: { Cookie: cookie } }),
      );
      for (const tier of [http, tcp]) {
        tier.kill("SIGTERM");
        expect(await tier.exited()).toBe(0);
      }
      expect(answers).toBeGreaterThan(100);
      for (const tier of [http, tcp]) {
        const problems = problemsOf(tier);
        for (const [event, lines] of Object.entries(linesByEvent(problems))) {
          const reasons = new Set(
            lines.map(({ reason = "", err }) => (err?.message ?? reason).replace(/\d+/g, "0")),
          );
          const most = reasons.size * (FLOOD_MS / 1000 + 4);
          expect({ event, lines: Math.min(lines.length, most) }).toEqual({
            event,
            lines: lines.length,
          });
          expect(lines.filter(({ err }) => err !== undefined).length).toBeLessThanOrEqual(
            reasons.size,
          );
        }
        expect(problems.length).toBeLessThan(80);
      }
    },
  );
});
