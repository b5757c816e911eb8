// Finds the load tools, prepares the peers, and describes the machine.

import { availableParallelism, cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import type { Peer } from "../peers/peer.ts";
import type { BenchResults } from "../report/results.ts";
import { run } from "../run.ts";
import type { LoadTool } from "./load-tool.ts";
import { oha } from "./oha.ts";
import { wrk } from "./wrk.ts";

const ROOT = join(import.meta.dir, "../..");
const TOOLS: readonly LoadTool[] = [wrk, oha];

/** @throws {Error} no load tool is installed */
export async function installedTools() {
  const tools: LoadTool[] = [];
  const versions: Record<string, string> = {};
  const leftOut: string[] = [];
  for (const tool of TOOLS) {
    const version = await tool.version();
    if (version === undefined) {
      leftOut.push(`${tool.name}: it is not installed`);
      continue;
    }
    tools.push(tool);
    versions[tool.name] = version;
  }
  const [first, ...others] = tools;
  if (first) return { tools: [first, ...others] as const, versions, leftOut };
  throw new Error(
    "Cannot send a load: install wrk (apt-get install wrk) or oha (cargo install oha)",
  );
}

/** The peers that can be measured on this machine. */
export async function preparedPeers(wanted: readonly Peer[], onProgress: (text: string) => void) {
  const peers: Peer[] = [];
  const leftOut: string[] = [];
  for (const peer of wanted) {
    onProgress(`preparing ${peer.name}`);
    const reason = await peer.prepare().catch((error: unknown) => {
      // A package could not be downloaded, for example.
      console.error(`\n${error}`);
      return "it cannot be built; the error was printed";
    });
    if (reason === undefined) peers.push(peer);
    else leftOut.push(`${peer.name}: ${reason}`);
  }
  return { peers, leftOut };
}

/** @param versions of the databases and the load tools */
export function describeMachine(
  versions: Readonly<Record<string, string>>,
): BenchResults["machine"] {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    versions: { Bun: Bun.version, ...versions, ...toolchains() },
  };
}

/** The versions of what the peers are built with and run on. */
function toolchains(): Record<string, string> {
  const versionOf = (command: string[]) => {
    const { stdout } = Bun.spawnSync(command, { stderr: "ignore" });
    return /\d+\.\d+(\.\d+)?/.exec(stdout.toString())?.[0] ?? "?";
  };
  return {
    ...(Bun.which("node") && { Node: versionOf(["node", "--version"]) }),
    ...(Bun.which("go") && { Go: versionOf(["go", "version"]) }),
  };
}

/** The commit that is measured, as `git describe` prints it; "unknown" outside of a repository. */
export async function commitOf(): Promise<string> {
  const git = ["git", "-C", ROOT, "describe", "--always", "--dirty", "--exclude=*"];
  return run(git).then(
    (text) => text.trim(),
    () => "unknown",
  );
}
