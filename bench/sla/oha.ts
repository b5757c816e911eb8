import { run } from "../run.ts";
import { sum } from "../statistics.ts";
import type { LoadTool, SendOptions, ToolReport } from "./load-tool.ts";

/** The part of `oha --output-format json` that is used. Times are in seconds. */
interface OhaResult {
  readonly summary: { readonly total: number; readonly slowest: number | null };
  readonly latencyPercentiles: Readonly<Record<"p50" | "p90" | "p99" | "p99.9", number | null>>;
  readonly statusCodeDistribution: Readonly<Record<string, number>>;
  readonly errorDistribution: Readonly<Record<string, number>>;
}

/** Requests still in flight when the time was up. */
const UNFINISHED = "aborted due to deadline";

export const oha: LoadTool = {
  name: "oha",

  async version() {
    if (!Bun.which("oha")) return undefined;
    return (await run(["oha", "--version"])).trim().split(" ").at(-1);
  },

  /**
   * oha has one set of headers for all requests, so it sends only the first cookie. It does not
   * report the headers of answers, so every 503 counts as refused if refusals are counted.
   */
  async send({ origin, connections, seconds, traffic }: SendOptions): Promise<ToolReport> {
    const content =
      traffic.lines === "body"
        ? ["-m", "POST", "-T", "application/json", "-Z", traffic.file]
        : ["-H", `Cookie: ${await firstLine(traffic.file)}`];
    const output = await run([
      ...["oha", "--no-tui", "--output-format", "json"],
      ...["-c", `${connections}`, "-z", `${seconds}s`, "-t", "10s"],
      ...[...content, origin + traffic.path],
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
