// `bun run bench rpc --profile`: where the time of a call goes, on either side, by Bun's profiler.

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pair } from "./pair.ts";

const IN_FLIGHT = 64;
const SHOWN = 12;

/** The parts of the Chrome DevTools profile format that are read. */
interface Profile {
  readonly nodes: readonly ProfileNode[];
  /** One node id for each sample. */
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

/** Both sides' functions with the largest shares of the time, as two Markdown tables. */
export async function profileRpc(durationMs: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "portico-profile-"));
  try {
    await measure(folder, durationMs);
    const tables = ["server", "client"].map(async (side) => {
      const [file = ""] = await readdir(join(folder, side));
      const profile: Profile = await Bun.file(join(folder, side, file)).json();
      const rows = ownTimes(profile).slice(0, SHOWN);
      const lines = rows.map(([name, share]) => `| ${(share * 100).toFixed(1)} % | ${name} |`);
      return [`| ${side} | function |`, "| ---: | --- |", ...lines].join("\n");
    });
    return (await Promise.all(tables)).join("\n\n");
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measure(folder: string, durationMs: number): Promise<void> {
  await using pair = await Pair.start("Portico", (side) => [
    "--cpu-prof",
    `--cpu-prof-dir=${join(folder, side)}`,
  ]);
  await pair.measure({ inFlight: IN_FLIGHT, durationMs });
}

/** Function → its share of all time, without what it calls; the largest first. */
function ownTimes({ nodes, samples, timeDeltas }: Profile): [name: string, share: number][] {
  const names = new Map(nodes.map((node) => [node.id, nameOf(node)]));
  // What is native says nothing of itself: `write` may be a socket's or a buffer's.
  for (const node of nodes) {
    for (const child of node.children ?? []) {
      const name = names.get(child);
      if (name && !name.includes(".ts")) names.set(child, `${name} in ${nameOf(node)}`);
    }
  }
  const times = new Map<string, number>();
  let total = 0;
  for (const [index, id] of samples.entries()) {
    const name = names.get(id) ?? "";
    const us = timeDeltas[index] ?? 0;
    times.set(name, (times.get(name) ?? 0) + us);
    total += us;
  }
  const shares = Array.from(times, ([name, us]): [string, number] => [name, us / total]);
  return shares.sort(([, one], [, other]) => other - one);
}

function nameOf({ callFrame: { functionName, url } }: ProfileNode): string {
  const file = url.split("/").at(-1) ?? "";
  return file ? `${functionName || "(anonymous)"} (${file})` : functionName;
}
