import { portico } from "../peers/portico.ts";
import type { Round, RowsPoint } from "../report/results.ts";
import { median } from "../report/summary.ts";
import { Contest } from "./contest.ts";
import type { Databases } from "./databases.ts";
import type { LoadTool } from "./load-tool.ts";
import { HASHES, type Load } from "./loads.ts";
import { Users } from "./traffic.ts";

const CONNECTIONS = 64;
const ROUNDS = 3;
const SECONDS = 4;

/**
 * Portico's cost per request over tables of these sizes, each round on all of them in turn; nothing
 * where that cannot be told.
 */
export async function costOverRows(
  sizes: readonly number[],
  tool: LoadTool,
  databases: Databases,
  folder: string,
  events: { progress(text: string): void },
): Promise<RowsPoint[]> {
  const passwordHash = HASHES.classic;
  // Servers of somebody else have one table, and their CPU time is not counted.
  if (sizes.length < 2 || Object.keys(databases.pids).length === 0) return [];
  await using contests = new AsyncDisposableStack();
  const grounds: { rows: number; contest: Contest }[] = [];
  for (const users of sizes) {
    events.progress(`filling MySQL with ${users.toLocaleString("en")} users`);
    const databaseUrl = await databases.seeded(users, passwordHash);
    const ground = { databases, databaseUrl, users: new Users(users), passwordHash, folder };
    grounds.push({ rows: users, contest: contests.use(await Contest.start([portico], ground)) });
  }
  const points: RowsPoint[] = [];
  for (const endpoint of ["get_user_info", "signin"] as const) {
    const load: Load = { endpoint, connections: CONNECTIONS };
    const rounds = new Map<number, Round[]>(sizes.map((rows) => [rows, []]));
    for (let round = 1; round <= ROUNDS; round++) {
      for (const { rows, contest } of grounds) {
        const one = { tool, count: 1, seconds: SECONDS, warmUpSeconds: 1 };
        const onProgress = (text: string) =>
          events.progress(`${rows.toLocaleString("en")} rows, round ${round}: ${text}`);
        const { contenders } = await contest.measure(load, one, onProgress);
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
  const seconds = Object.values(cpuSeconds).reduce((total, value) => total + value, 0);
  return (seconds / requests) * 1e6;
}
