// `bun run bench rpc --profile`: Bun's CPU profile of both sides of a call.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Folder } from "../../test/child.ts";
import { type CpuProfile, ownTimes, type ProfiledFunction } from "../cpu-profile.ts";
import { markdownTable } from "../tables.ts";
import { Pair } from "./pair.ts";

const IN_FLIGHT = 64;
const SHOWN = 12;

/** The functions that take most of the time, as one Markdown table for each side. */
export async function profileRpc(durationMs: number): Promise<string> {
  await using folder = await Folder.make();
  await measure(folder.path, durationMs);
  const tables = ["server", "client"].map(async (side) => {
    const [file = ""] = await readdir(join(folder.path, side));
    const profile: CpuProfile = await Bun.file(join(folder.path, side, file)).json();
    return markdownTable(
      [
        { heading: `${side}: function`, text: ([name]) => name },
        { heading: "share", text: ([, share]) => `${(share * 100).toFixed(1)} %` },
      ],
      ownTimes(profile, nameOf).slice(0, SHOWN),
    );
  });
  return (await Promise.all(tables)).join("\n\n");
}

async function measure(folder: string, durationMs: number): Promise<void> {
  await using pair = await Pair.start("Portico", (side) => [
    "--cpu-prof",
    `--cpu-prof-dir=${join(folder, side)}`,
  ]);
  await pair.measure({ inFlight: IN_FLIGHT, durationMs });
}

/** Native functions are named with their caller: `write` may be of a socket or of a buffer. */
function nameOf([called, caller]: readonly ProfiledFunction[]): string {
  if (!called) return "";
  const isOfCaller = caller !== undefined && called.path === "" && caller.path.endsWith(".ts");
  return isOfCaller ? `${textOf(called)} in ${textOf(caller)}` : textOf(called);
}

function textOf({ name, path }: ProfiledFunction): string {
  const file = path.split("/").at(-1) ?? "";
  return file ? `${name || "(anonymous)"} (${file})` : name;
}
