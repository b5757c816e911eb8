// How long both tiers take from their start to the first answer, embedded in an empty folder, from
// source and as one executable: `bun run build && bun bench/start-times-main.ts`

import { EXECUTABLE } from "../test/executable.ts";
import { type Starter, startTimes } from "./sla/start-times.ts";
import { median } from "./statistics.ts";

const TRIES = 15;
const STARTERS: Readonly<Record<string, Starter>> = {
  executable: { script: "start", program: [EXECUTABLE] },
  source: { script: "src/start-main.ts" },
};

/** In turn, because other work on the machine slows both down. */
const times = new Map<string, number[]>(Object.keys(STARTERS).map((name) => [name, []]));
for (let attempt = 0; attempt < TRIES; attempt++) {
  for (const [name, starter] of Object.entries(STARTERS)) {
    times.get(name)?.push(...(await startTimes(1, starter)));
  }
}
for (const [name, all] of times) {
  const [fastest, middle, slowest] = [Math.min(...all), median(all) ?? 0, Math.max(...all)];
  const texts = [fastest, middle, slowest].map((ms) => `${Math.round(ms)} ms`);
  console.log(`${name}: at least ${texts[0]}, median ${texts[1]}, at most ${texts[2]}`);
}
