import { availableParallelism } from "node:os";
import { join } from "node:path";
import { run } from "../run.ts";
import type { LoadTool, SendOptions, ToolReport } from "./load-tool.ts";

const SCRIPT = join(import.meta.dir, "wrk.lua");

/** The line that wrk.lua prints. */
interface WrkResult extends Pick<ToolReport, "seconds" | "refused" | "latencyMs"> {
  readonly answers: number;
  /** Answers with a status of 400 or more. */
  readonly statusErrors: number;
  /** Connections that were refused, cut or too slow. */
  readonly failed: number;
}

export const wrk: LoadTool = {
  name: "wrk",

  async version() {
    if (!Bun.which("wrk")) return undefined;
    // wrk prints its version in front of its help, and exits with 1.
    const help = Bun.spawn(["wrk", "--version"], { stdio: ["ignore", "pipe", "ignore"] });
    return /^wrk (?:debian\/)?(\S+)/.exec(await new Response(help.stdout).text())?.[1] ?? "?";
  },

  async send({ origin, connections, seconds, traffic }: SendOptions): Promise<ToolReport> {
    const threads = Math.min(connections, availableParallelism());
    const output = await run(
      [
        ...["wrk", "-t", `${threads}`, "-c", `${connections}`, "-d", `${seconds}s`],
        ...["--timeout", "10s", "-s", SCRIPT, origin + traffic.path],
        ...["--", traffic.file, traffic.lines, `${threads}`],
      ],
      { environment: traffic.countRefused ? { COUNT_REFUSED: "1" } : {} },
    );
    const text = /^RESULT (.*)$/m.exec(output)?.[1];
    if (text === undefined) throw new Error(`Cannot read the output of wrk: ${output}`);
    const result: WrkResult = JSON.parse(text);
    const { answers, statusErrors, failed, refused } = result;
    return {
      seconds: result.seconds,
      requests: answers - statusErrors,
      errors: statusErrors - refused + failed,
      refused,
      latencyMs: result.latencyMs,
    };
  },
};
