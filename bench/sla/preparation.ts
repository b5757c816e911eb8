// What a run needs on this machine, and what of it is not there.

import type { Peer } from "../peers/peer.ts";
import type { LoadTool } from "./load-tool.ts";
import { oha } from "./oha.ts";
import { wrk } from "./wrk.ts";

const TOOLS: readonly LoadTool[] = [wrk, oha];

/** @throws {Error} there is none */
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

/** Of what the peers are built with and run on. */
export function toolchains(): Record<string, string> {
  const versionOf = (command: string[]) => {
    const { stdout } = Bun.spawnSync(command, { stderr: "ignore" });
    return /\d+\.\d+(\.\d+)?/.exec(stdout.toString())?.[0] ?? "?";
  };
  return {
    ...(Bun.which("node") && { Node: versionOf(["node", "--version"]) }),
    ...(Bun.which("go") && { Go: versionOf(["go", "version"]) }),
  };
}

/** Those that can be measured here. */
export async function preparedPeers(
  wanted: readonly Peer[],
  events: { progress(text: string): void },
) {
  const peers: Peer[] = [];
  const leftOut: string[] = [];
  for (const peer of wanted) {
    events.progress(`preparing ${peer.name}`);
    const reason = await peer.prepare().catch((error: unknown) => {
      // What it takes cannot be fetched, say.
      console.error(`\n${error}`);
      return "it cannot be built, as was printed";
    });
    if (reason === undefined) peers.push(peer);
    else leftOut.push(`${peer.name}: ${reason}`);
  }
  return { peers, leftOut };
}
