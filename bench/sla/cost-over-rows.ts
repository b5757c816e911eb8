import { portico } from "../peers/portico.ts";
import { HASHES, type RowsPoint } from "../report/results.ts";
import { median, sum } from "../statistics.ts";
import { Comparison } from "./comparison.ts";
import type { Databases } from "./databases.ts";
import type { LoadTool } from "./load-tool.ts";
import type { Load } from "./loads.ts";
import type { Round } from "./round.ts";
import { Users } from "./traffic.ts";

const CONNECTIONS = 64;
const ROUNDS = 3;
const SECONDS = 4;

/**
 * Portico's cost per request over tables of these sizes. In each round every table has its turn.
 * @returns nothing if there is one size, or the CPU time of the databases is not counted
 */
export async function costOverRows(
  sizes: readonly number[],
  tool: LoadTool,
  databases: Databases,
  folder: string,
  onProgress: (text: string) => void,
): Promise<RowsPoint[]> {
  const passwordHash = HASHES.classic;
  if (sizes.length < 2 || Object.keys(databases.pids).length === 0) return [];
  await using cleanup = new AsyncDisposableStack();
  const comparisons: { rows: number; comparison: Comparison }[] = [];
  for (const rows of sizes) {
    onProgress(`filling MySQL with ${rows.toLocaleString("en")} users`);
    const databaseUrl = await databases.seeded(rows, passwordHash);
    const environment = { databases, databaseUrl, users: new Users(rows), passwordHash, folder };
    const comparison = cleanup.use(await Comparison.start([portico], environment));
    comparisons.push({ rows, comparison });
  }
  const points: RowsPoint[] = [];
  for (const endpoint of ["get_user_info", "signin"] as const) {
    const load: Load = { endpoint, connections: CONNECTIONS };
    const rounds = new Map<number, Round[]>(sizes.map((rows) => [rows, []]));
    for (let round = 1; round <= ROUNDS; round++) {
      for (const { rows, comparison } of comparisons) {
        const once = { tool, count: 1, seconds: SECONDS, warmUpSeconds: 1 };
        const { contenders } = await comparison.measure(load, once, (text) =>
          onProgress(`${rows.toLocaleString("en")} rows, round ${round}: ${text}`),
        );
        rounds.get(rows)?.push(...contenders.flatMap((contender) => contender.rounds));
      }
    }
    for (const [rows, all] of rounds) {
      points.push({
        endpoint,
        rows,
        cpuMicrosPerRequest: median(all.map(cpuMicros)) ?? 0,
        requestsPerSecond: median(all.map((each) => each.requests / each.seconds)) ?? 0,
      });
    }
  }
  return points;
}

function cpuMicros({ cpuSeconds, requests }: Round): number {
  return (sum(Object.values(cpuSeconds)) / requests) * 1e6;
}
