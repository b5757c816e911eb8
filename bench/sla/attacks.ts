import { createConnection, type ResultSetHeader, type RowDataPacket } from "mysql2/promise";
import { type Credentials, GET_USER_INFO, SIGN_IN, SIGN_UP } from "../peers/api.ts";
import type { Round } from "../report/results.ts";
import { askForProfiles, askForSessions } from "./answer-sampler.ts";
import type { Contender } from "./contender.ts";
import type { Ground } from "./contest.ts";
import type { Hits, LoadTool, Traffic } from "./load-tool.ts";
import type { Load } from "./loads.ts";
import { openSessions, writeLines } from "./traffic.ts";

/** More than any service answers on a few cores; past them, users come a second time. */
const MOST_PER_SECOND = 50_000;
/** The same where each has to be hashed. */
const MOST_HASHED_PER_SECOND = 10_000;

/** Lets a load loose on one contender for so many seconds. */
export type Attack = (seconds: number) => Promise<Round>;

type Fire = (traffic: Omit<Traffic, "countRefused">, seconds: number) => Promise<Hits>;

/** What is sent, sessions and users, is made anew for each attack. */
export function attackOf(contender: Contender, load: Load, tool: LoadTool, ground: Ground): Attack {
  const { origin } = contender;
  const fireOver =
    (connections: number, countRefused = load.mayRefuse ?? false): Fire =>
    (traffic, seconds) =>
      tool.fire({ origin, connections, seconds, traffic: { ...traffic, countRefused } });
  const fire = fireOver(load.connections);
  if (load.endpoint === "signup") return (seconds) => signUp(contender, fire, ground, seconds);
  if (load.endpoint === "signin") return (seconds) => signIn(contender, fire, ground, seconds);
  const { connections, signInsBeside } = load;
  const beside = signInsBeside ? fireOver(signInsBeside, true) : undefined;
  return (seconds) => getUserInfo(contender, fire, { ground, connections, beside }, seconds);
}

async function getUserInfo(
  contender: Contender,
  fire: Fire,
  {
    ground,
    connections,
    beside,
  }: { ground: Ground; connections: number; beside?: Fire | undefined },
  seconds: number,
): Promise<Round> {
  const { origin, peer } = contender;
  const sessions = await openSessions(origin, ground.users.take(connections));
  const cookies = sessions.map(({ cookie }) => cookie);
  const file = await writeLines(ground.folder, cookies);
  const traffic = { path: GET_USER_INFO, lines: "cookie", file } as const;
  const ask = peer.isService ? askForProfiles(origin, sessions) : undefined;
  if (!beside) return contender.measure(() => fire(traffic, seconds), ask);
  const signInTraffic = await signIns(ground, seconds);
  const round = await contender.measure(async () => {
    const both = [fire(traffic, seconds), beside(signInTraffic, seconds)] as const;
    const [hits, besides] = await Promise.all(both);
    const isLoaded = besides.requests > 0;
    return { ...hits, errors: hits.errors + besides.errors + (isLoaded ? 0 : 1) };
  }, ask);
  // Most of it is the sign-ins', which are not counted.
  return { ...round, cpuSeconds: {} };
}

async function signIn(
  contender: Contender,
  fire: Fire,
  ground: Ground,
  seconds: number,
): Promise<Round> {
  const { origin, peer } = contender;
  const traffic = await signIns(ground, seconds);
  const ask = peer.isService ? askForSessions(origin, () => ground.users.next()) : undefined;
  return contender.measure(() => fire(traffic, seconds), ask);
}

/** Whoever was told "7" must be in the table, and goes from there afterwards. */
async function signUp(
  contender: Contender,
  fire: Fire,
  { users, folder, databaseUrl, passwordHash }: Ground,
  seconds: number,
): Promise<Round> {
  const { prefix, users: newcomers } = users.newcomers(mostOf(passwordHash) * seconds);
  const file = await writeLines(folder, bodies(newcomers));
  const traffic = { path: SIGN_UP, lines: "body", file } as const;
  const round = await contender.measure(() => fire(traffic, seconds), undefined);
  const found = await removeUsers(databaseUrl, prefix);
  return { ...round, checked: round.requests, wrong: Math.max(0, round.requests - found) };
}

async function signIns({ users, folder, passwordHash }: Ground, seconds: number) {
  const file = await writeLines(folder, bodies(users.take(mostOf(passwordHash) * seconds)));
  return { path: SIGN_IN, lines: "body", file } as const;
}

function mostOf(passwordHash: string): number {
  return passwordHash.startsWith("argon2id") ? MOST_HASHED_PER_SECOND : MOST_PER_SECOND;
}

function bodies(credentials: readonly Credentials[]): string[] {
  return credentials.map((each) => JSON.stringify(each));
}

/** @returns how many there were whose names begin so */
async function removeUsers(databaseUrl: string, prefix: string): Promise<number> {
  const connection = await createConnection(databaseUrl);
  try {
    const [[row]] = await connection.query<RowDataPacket[]>(
      "SELECT COUNT(*) AS users FROM user WHERE username LIKE ?",
      [`${prefix}%`],
    );
    await connection.query<ResultSetHeader>("DELETE FROM user WHERE username LIKE ?", [
      `${prefix}%`,
    ]);
    return Number(row?.users);
  } finally {
    await connection.end();
  }
}
