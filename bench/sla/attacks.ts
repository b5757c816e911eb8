import { createConnection, type ResultSetHeader, type RowDataPacket } from "mysql2/promise";
import { type Credentials, GET_USER_INFO, SIGN_IN, SIGN_UP } from "../peers/api.ts";
import type { Round } from "../report/results.ts";
import { AnswerCount, askForProfiles, askForSessions } from "./answer-sampler.ts";
import type { Contender } from "./contender.ts";
import type { Ground } from "./contest.ts";
import type { Hits, LoadTool, Traffic } from "./load-tool.ts";
import type { Load } from "./loads.ts";
import { openSessions, writeLines } from "./traffic.ts";

/** More than any service answers on a few cores; past them, users come a second time. */
const MOST_PER_SECOND = 50_000;
/** The same where each has to be hashed. */
const MOST_HASHED_PER_SECOND = 10_000;

/** Of those that a round of sign-ups has added. */
const SIGNED_IN_AFTERWARDS = 10;

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

/**
 * As many as were told "7" must be in the table, and some of those must be able to sign in. They go
 * from there afterwards.
 */
async function signUp(
  contender: Contender,
  fire: Fire,
  { users, folder, databaseUrl, passwordHash }: Ground,
  seconds: number,
): Promise<Round> {
  const { prefix, password, users: newcomers } = users.newcomers(mostOf(passwordHash) * seconds);
  const file = await writeLines(folder, bodies(newcomers));
  const traffic = { path: SIGN_UP, lines: "body", file } as const;
  const round = await contender.measure(() => fire(traffic, seconds), undefined);
  await using table = await openTable(databaseUrl);
  const names = await table.usernames(prefix);
  const step = Math.ceil(names.length / SIGNED_IN_AFTERWARDS);
  const some = names.filter((_, index) => index % step === 0);
  const signedIn = await signedInNow(contender, some, password);
  await table.remove(prefix);
  return {
    ...round,
    checked: round.requests + signedIn.checked,
    wrong: Math.max(0, round.requests - names.length) + signedIn.wrong,
  };
}

async function signedInNow(
  { name, origin }: Contender,
  usernames: readonly string[],
  password: string,
): Promise<AnswerCount> {
  const answers = new AnswerCount();
  for (const username of usernames) {
    await answers.add(askForSessions(origin, () => ({ username, password })));
  }
  const { firstWrong } = answers;
  if (firstWrong) console.error(`\n${name}: who has signed up cannot sign in: ${firstWrong}`);
  return answers;
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

/** The users whose names begin in one way. */
async function openTable(databaseUrl: string) {
  const connection = await createConnection(databaseUrl);
  return {
    async usernames(prefix: string): Promise<string[]> {
      const sql = "SELECT username FROM user WHERE username LIKE ?";
      const [rows] = await connection.query<RowDataPacket[]>(sql, [`${prefix}%`]);
      return rows.map(({ username }) => String(username));
    },
    async remove(prefix: string): Promise<void> {
      const sql = "DELETE FROM user WHERE username LIKE ?";
      await connection.query<ResultSetHeader>(sql, [`${prefix}%`]);
    },
    [Symbol.asyncDispose]: () => connection.end(),
  };
}
