import { run } from "../run.ts";
import type { Hits, LoadTool, Shot } from "./load-tool.ts";

/** What is read of `oha --output-format json`. Times are in seconds. */
interface OhaResult {
  readonly summary: { readonly total: number; readonly slowest: number | null };
  readonly latencyPercentiles: Readonly<Record<"p50" | "p90" | "p99" | "p99.9", number | null>>;
  readonly statusCodeDistribution: Readonly<Record<string, number>>;
  readonly errorDistribution: Readonly<Record<string, number>>;
}

/** Requests that were under way when the time was up. */
const UNFINISHED = "aborted due to deadline";

export const oha: LoadTool = {
  name: "oha",

  async version() {
    if (!Bun.which("oha")) return undefined;
    return (await run(["oha", "--version"])).trim().split(" ").at(-1);
  },

  /**
   * It has one set of headers for all requests, so of cookies only the first is sent; and it says
   * nothing of an answer's, so any 503 counts as refused where such are counted.
   */
  async fire({ origin, connections, seconds, traffic }: Shot): Promise<Hits> {
    const carried =
      traffic.lines === "body"
        ? ["-m", "POST", "-T", "application/json", "-Z", traffic.file]
        : ["-H", `Cookie: ${await firstLine(traffic.file)}`];
    const output = await run([
      ...[
        "oha",
        "--no-tui",
        "--output-format",
        "json",
        "-c",
        `${connections}`,
        "-z",
        `${seconds}s`,
      ],
      ...["-t", "10s", ...carried, origin + traffic.path],
    ]);
    const result: OhaResult = JSON.parse(output);
    const statuses = result.statusCodeDistribution;
    const answers = sum(Object.values(statuses));
    const { [UNFINISHED]: _, ...failures } = result.errorDistribution;
    const requests = sum(
      Object.entries(statuses).map(([status, count]) => (Number(status) < 400 ? count : 0)),
    );
    const refused = traffic.countRefused ? (statuses["503"] ?? 0) : 0;
    const ms = (seconds: number | null) => (seconds ?? Number.NaN) * 1000;
    const latency = result.latencyPercentiles;
    return {
      seconds: result.summary.total,
      requests,
      errors: answers - requests - refused + sum(Object.values(failures)),
      refused,
      latencyMs: {
        p50: ms(latency.p50),
        p90: ms(latency.p90),
        p99: ms(latency.p99),
        p999: ms(latency["p99.9"]),
        max: ms(result.summary.slowest),
      },
    };
  },
};

async function firstLine(file: string): Promise<string> {
  return (await Bun.file(file).text()).split("\n", 1)[0] ?? "";
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
