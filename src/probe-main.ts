// Asks a probe of a running process, for the health check of a container. `bun run probe --help`

import { HELP } from "./cli/help.ts";
import { ExitCode, exitAsMisunderstood, print, splitArguments, UsageError } from "./cli/usage.ts";

/** `/readyz` answers within about a second, even if a database hangs. */
const TIMEOUT_MS = 3000;

/** @throws {UsageError} there is not one URL */
function urlOf(args: readonly string[]): URL | "help" {
  const { values, positionals } = splitArguments("probe", {
    args: [...args],
    allowPositionals: true,
    options: { help: { type: "boolean", short: "h" } },
  });
  if (values.help) return "help";
  const [text = ""] = positionals;
  const url = positionals.length === 1 ? URL.parse(text) : null;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new UsageError("`bun run probe` takes one URL, such as http://127.0.0.1:9090/readyz");
}

/** Resolves to the exit code. */
async function probe(url: URL): Promise<number> {
  try {
    const response = await fetch(url, {
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await print(`${response.status} ${(await response.text()).trimEnd()}`);
    return response.status === 200 ? 0 : ExitCode.negative;
  } catch (error) {
    console.error(`No answer: ${error instanceof Error ? error.message : error}`);
    return ExitCode.negative;
  }
}

export async function main(): Promise<void> {
  try {
    const url = urlOf(process.argv.slice(2));
    if (url === "help") await print(HELP.probe);
    else process.exitCode = await probe(url);
  } catch (error) {
    exitAsMisunderstood(error);
  }
}

if (import.meta.main) await main();
