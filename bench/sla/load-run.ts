// Puts one load on one contender for some seconds.

import { createConnection, type ResultSetHeader, type RowDataPacket } from "mysql2/promise";
import { type Credentials, GET_USER_INFO, SIGN_IN, SIGN_UP } from "../peers/api.ts";
import { AnswerCount, askForProfiles, askForSessions } from "./answer-sampler.ts";
import type { Contender } from "./contender.ts";
import type { Databases } from "./databases.ts";
import type { LoadTool, ToolReport, Traffic } from "./load-tool.ts";
import type { Load } from "./loads.ts";
import type { Round } from "./round.ts";
import { openSessions, type Users, writeLines } from "./traffic.ts";

/** More than any service answers on a few cores. If a service does, users repeat. */
const MAX_PER_SECOND = 50_000;
/** The same if each password must be hashed with argon2id. */
const MAX_HASHED_PER_SECOND = 10_000;

/** How many of the new users of a round sign in afterwards. */
const SIGNED_IN_AFTERWARDS = 10;

/** What all contenders of a comparison share. */
export interface Environment {
  readonly databases: Databases;
  readonly databaseUrl: string;
  readonly users: Users;
  readonly passwordHash: string;
  /** For the files of the loads. */
  readonly folder: string;
}

export type LoadRun = (seconds: number) => Promise<Round>;

type Send = (traffic: Omit<Traffic, "countRefused">, seconds: number) => Promise<ToolReport>;

/** Each run makes its own sessions and users. */
export function loadRunOn(
  contender: Contender,
  load: Load,
  tool: LoadTool,
  environment: Environment,
): LoadRun {
  const { origin } = contender;
  const { connections, concurrentSignIns } = load;
  const sendOver =
    (connections: number, countRefused: boolean): Send =>
    (traffic, seconds) =>
      tool.send({ origin, connections, seconds, traffic: { ...traffic, countRefused } });
  const send = sendOver(connections, load.mayRefuse ?? false);
  if (load.endpoint === "signup") return (seconds) => signUp(contender, send, environment, seconds);
  if (load.endpoint === "signin") return (seconds) => signIn(contender, send, environment, seconds);
  const sendSignIns = concurrentSignIns ? sendOver(concurrentSignIns, true) : undefined;
  const sending = { send, connections, sendSignIns };
  return (seconds) => getUserInfo(contender, sending, environment, seconds);
}

interface Sending {
  readonly send: Send;
  readonly connections: number;
  /** Sends sign-ins at the same time, which are not measured. */
  readonly sendSignIns: Send | undefined;
}

async function getUserInfo(
  contender: Contender,
  { send, connections, sendSignIns }: Sending,
  environment: Environment,
  seconds: number,
): Promise<Round> {
  const { origin, peer } = contender;
  const sessions = await openSessions(origin, environment.users.take(connections));
  const cookies = sessions.map(({ cookie }) => cookie);
  const file = await writeLines(environment.folder, cookies);
  const traffic = { path: GET_USER_INFO, lines: "cookie", file } as const;
  const ask = peer.isService ? askForProfiles(origin, sessions) : undefined;
  if (!sendSignIns) return contender.measure(() => send(traffic, seconds), ask);
  const signInTraffic = await signIns(environment, seconds);
  const round = await contender.measure(async () => {
    const both = [send(traffic, seconds), sendSignIns(signInTraffic, seconds)] as const;
    const [report, ofSignIns] = await Promise.all(both);
    const isLoaded = ofSignIns.requests > 0;
    return { ...report, errors: report.errors + ofSignIns.errors + (isLoaded ? 0 : 1) };
  }, ask);
  // Most of the CPU time belongs to the sign-ins, which are not counted.
  return { ...round, cpuSeconds: {} };
}

async function signIn(
  contender: Contender,
  send: Send,
  environment: Environment,
  seconds: number,
): Promise<Round> {
  const { origin, peer } = contender;
  const traffic = await signIns(environment, seconds);
  const ask = peer.isService ? askForSessions(origin, () => environment.users.next()) : undefined;
  return contender.measure(() => send(traffic, seconds), ask);
}

/**
 * The table must hold as many new users as answers reported success, and some of them must be able
 * to sign in. The new users are removed afterwards.
 */
async function signUp(
  contender: Contender,
  send: Send,
  { users, folder, databaseUrl, passwordHash }: Environment,
  seconds: number,
): Promise<Round> {
  const {
    prefix,
    password,
    users: newUsers,
  } = users.newUsers(maxPerSecond(passwordHash) * seconds);
  const file = await writeLines(folder, bodies(newUsers));
  const traffic = { path: SIGN_UP, lines: "body", file } as const;
  const round = await contender.measure(() => send(traffic, seconds), undefined);
  await using connection = await createConnection(databaseUrl);
  const pattern = [`${prefix}%`];
  const [rows] = await connection.query<RowDataPacket[]>(
    "SELECT username FROM user WHERE username LIKE ?",
    pattern,
  );
  const step = Math.ceil(rows.length / SIGNED_IN_AFTERWARDS);
  const some = rows.filter((_, index) => index % step === 0);
  const signedIn = await signInOnce(
    contender,
    some.map(({ username }) => ({ username, password })),
  );
  await connection.query<ResultSetHeader>("DELETE FROM user WHERE username LIKE ?", pattern);
  return {
    ...round,
    checked: round.requests + signedIn.checked,
    wrong: Math.max(0, round.requests - rows.length) + signedIn.wrong,
  };
}

async function signInOnce(
  { name, origin }: Contender,
  users: readonly Credentials[],
): Promise<AnswerCount> {
  const answers = new AnswerCount();
  for (const user of users) await answers.add(askForSessions(origin, () => user));
  const { firstWrong } = answers;
  if (firstWrong) console.error(`\n${name}: a new user cannot sign in: ${firstWrong}`);
  return answers;
}

async function signIns({ users, folder, passwordHash }: Environment, seconds: number) {
  const file = await writeLines(folder, bodies(users.take(maxPerSecond(passwordHash) * seconds)));
  return { path: SIGN_IN, lines: "body", file } as const;
}

function maxPerSecond(passwordHash: string): number {
  return passwordHash.startsWith("argon2id") ? MAX_HASHED_PER_SECOND : MAX_PER_SECOND;
}

function bodies(credentials: readonly Credentials[]): string[] {
  return credentials.map((each) => JSON.stringify(each));
}
