// `bun run bench rpc --profile`: where the time of a call goes, on either side, by Bun's profiler.

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CpuProfile, ownTimes, type ProfiledFunction } from "../cpu-profile.ts";
import { Pair } from "./pair.ts";

const IN_FLIGHT = 64;
const SHOWN = 12;

/** Both sides' functions with the largest shares of the time, as two Markdown tables. */
export async function profileRpc(durationMs: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "portico-profile-"));
  try {
    await measure(folder, durationMs);
    const tables = ["server", "client"].map(async (side) => {
      const [file = ""] = await readdir(join(folder, side));
      const profile: CpuProfile = await Bun.file(join(folder, side, file)).json();
      const rows = ownTimes(profile, nameOf).slice(0, SHOWN);
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

/** What is native says nothing of itself: `write` may be a socket's or a buffer's. */
function nameOf([called, caller]: readonly ProfiledFunction[]): string {
  if (!called) return "";
  const isOfCaller = caller !== undefined && called.path === "" && caller.path.endsWith(".ts");
  return isOfCaller ? `${textOf(called)} in ${textOf(caller)}` : textOf(called);
}

function textOf({ name, path }: ProfiledFunction): string {
  const file = path.split("/").at(-1) ?? "";
  return file ? `${name || "(anonymous)"} (${file})` : name;
}
