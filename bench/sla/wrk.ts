import { availableParallelism } from "node:os";
import { join } from "node:path";
import { run } from "../run.ts";
import type { Hits, LoadTool, Shot } from "./load-tool.ts";

const SCRIPT = join(import.meta.dir, "wrk.lua");

/** What wrk.lua prints. */
interface WrkResult extends Pick<Hits, "seconds" | "refused" | "latencyMs"> {
  readonly answers: number;
  /** Over 399. */
  readonly statusErrors: number;
  /** Connections refused, cut or too slow. */
  readonly failed: number;
}

export const wrk: LoadTool = {
  name: "wrk",

  async version() {
    if (!Bun.which("wrk")) return undefined;
    // It has no option for this alone: its help begins with it, and ends with 1.
    const help = Bun.spawn(["wrk", "--version"], { stdio: ["ignore", "pipe", "ignore"] });
    return /^wrk (?:debian\/)?(\S+)/.exec(await new Response(help.stdout).text())?.[1] ?? "?";
  },

  async fire({ origin, connections, seconds, traffic }: Shot): Promise<Hits> {
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
    if (text === undefined) throw new Error(`Cannot read what wrk says: ${output}`);
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
