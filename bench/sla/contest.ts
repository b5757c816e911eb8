import { createConnection, type ResultSetHeader, type RowDataPacket } from "mysql2/promise";
import { freePort } from "../../test/child.ts";
import type { Peer } from "../peers/peer.ts";
import type { LoadResult, Round } from "../report/results.ts";
import { askForProfiles, askForSessions } from "./answer-sampler.ts";
import { Contender } from "./contender.ts";
import type { Databases } from "./databases.ts";
import { HASH_ALONE, hashAlone } from "./hash-alone.ts";
import type { LoadTool, Traffic } from "./load-tool.ts";
import type { Load } from "./loads.ts";
import {
  GET_USER_INFO,
  newUsers,
  openSessions,
  SIGN_IN,
  SIGN_UP,
  UserPicker,
  writeLines,
} from "./traffic.ts";

/** More than any contender answers on a few cores; past them, users come a second time. */
const MOST_PER_SECOND = 20_000;

export interface Ground {
  readonly databases: Databases;
  readonly databaseUrl: string;
  readonly users: number;
  readonly passwordHash: string;
  /** For the files of the loads. */
  readonly folder: string;
}

export interface Rounds {
  readonly tool: LoadTool;
  readonly count: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/** How a load is let loose on one contender, for so many seconds. */
type Attack = (seconds: number) => Promise<Round>;

/** Contenders that run side by side, on the same users. */
export class Contest implements AsyncDisposable {
  readonly contenders: readonly Contender[];
  readonly #ground: Ground;
  readonly #picker: UserPicker;
  readonly #running: AsyncDisposableStack;
  #runs = 0;

  private constructor(
    contenders: readonly Contender[],
    ground: Ground,
    running: AsyncDisposableStack,
  ) {
    this.contenders = contenders;
    this.#ground = ground;
    this.#picker = new UserPicker(ground.users);
    this.#running = running;
  }

  static async start(peers: readonly Peer[], ground: Ground): Promise<Contest> {
    await using starting = new AsyncDisposableStack();
    const { databases, databaseUrl, passwordHash } = ground;
    const contenders: Contender[] = [];
    for (const peer of peers) {
      const redisUrl = await databases.createRedis();
      const [httpPort, rpcPort] = [freePort(), freePort()];
      const place = { httpPort, rpcPort, databaseUrl, redisUrl, passwordHash };
      contenders.push(starting.use(await Contender.start(peer, place, databases.pids)));
    }
    return new Contest(contenders, ground, starting.move());
  }

  /** One load on each, in turn, several times: a machine that slows down slows all of them. */
  async measure(
    load: Load,
    { tool, count, seconds, warmUpSeconds }: Rounds,
    onProgress: (text: string) => void,
  ): Promise<LoadResult> {
    const attacks = await this.#attacks(load, tool, seconds);
    const results = new Map<string, Round[]>();
    const what = `${load.endpoint} over ${load.connections} connections`;
    for (const [name, attack] of attacks) {
      onProgress(`${what}: warming up ${name}`);
      if (name !== HASH_ALONE) await attack(warmUpSeconds);
      results.set(name, []);
    }
    for (let round = 1; round <= count; round++) {
      const order = [
        ...attacks.slice(round % attacks.length),
        ...attacks.slice(0, round % attacks.length),
      ];
      for (const [name, attack] of order) {
        onProgress(`${what}: round ${round} of ${count}, ${name}`);
        results.get(name)?.push(await attack(seconds));
      }
    }
    const { endpoint, connections, floor, signInsBeside } = load;
    const beside = signInsBeside ? ` beside ${signInsBeside} signing in` : "";
    return {
      endpoint: endpoint + beside,
      connections,
      passwordHash: this.#ground.passwordHash,
      tool: tool.name,
      ...(floor !== undefined && { floor }),
      contenders: Array.from(results, ([name, rounds]) => ({ name, rounds })),
    };
  }

  async #attacks(load: Load, tool: LoadTool, seconds: number): Promise<[string, Attack][]> {
    const { passwordHash } = this.#ground;
    const attacks: [string, Attack][] = [];
    for (const contender of this.contenders) {
      // A ceiling answers what is the same for everybody.
      const isMeasured = contender.peer.isService || load.endpoint !== "signup";
      if (isMeasured)
        attacks.push([contender.name, await this.#attack(contender, load, tool, seconds)]);
    }
    if (load.endpoint === "signin" && passwordHash.startsWith("argon2id")) {
      attacks.push([HASH_ALONE, (seconds) => hashAlone(passwordHash, seconds)]);
    }
    return attacks;
  }

  async #attack(
    contender: Contender,
    load: Load,
    tool: LoadTool,
    seconds: number,
  ): Promise<Attack> {
    const { origin, peer } = contender;
    const { connections, signInsBeside, mayRefuse: countRefused = false } = load;
    const fire = (traffic: Traffic, seconds: number, over = connections) =>
      tool.fire({ origin, connections: over, seconds, traffic });
    if (load.endpoint === "signup") {
      return (seconds) =>
        this.#signUp(contender, countRefused, (traffic) => fire(traffic, seconds), seconds);
    }
    if (load.endpoint === "signin") {
      const traffic = await this.#signIns(seconds, countRefused);
      const ask = peer.isService ? askForSessions(origin, () => this.#picker.next()) : undefined;
      return (seconds) => contender.measure(() => fire(traffic, seconds), ask);
    }
    const sessions = await openSessions(origin, this.#picker.take(connections));
    const cookies = sessions.map(({ cookie }) => cookie);
    const file = await writeLines(this.#ground.folder, cookies);
    const traffic: Traffic = { path: GET_USER_INFO, lines: "cookie", file, countRefused };
    const ask = peer.isService ? askForProfiles(origin, sessions) : undefined;
    if (!signInsBeside) return (seconds) => contender.measure(() => fire(traffic, seconds), ask);
    const beside = await this.#signIns(seconds, true);
    return (seconds) =>
      contender.measure(async () => {
        const [hits] = await Promise.all([
          fire(traffic, seconds),
          fire(beside, seconds, signInsBeside),
        ]);
        return hits;
      }, ask);
  }

  async #signIns(seconds: number, countRefused: boolean): Promise<Traffic> {
    const users = this.#picker.take(Math.min(this.#ground.users, MOST_PER_SECOND * seconds));
    const file = await writeLines(
      this.#ground.folder,
      users.map((user) => JSON.stringify(user)),
    );
    return { path: SIGN_IN, lines: "body", file, countRefused };
  }

  /** Whoever was told "7" must be in the table, and goes from there afterwards. */
  async #signUp(
    contender: Contender,
    countRefused: boolean,
    fire: (traffic: Traffic) => ReturnType<LoadTool["fire"]>,
    seconds: number,
  ): Promise<Round> {
    const run = `s${(this.#runs++).toString(36).padStart(2, "0")}-`;
    const users = newUsers(run, MOST_PER_SECOND * seconds);
    const bodies = Array.from(users, (user) => JSON.stringify(user));
    const file = await writeLines(this.#ground.folder, bodies);
    const traffic: Traffic = { path: SIGN_UP, lines: "body", file, countRefused };
    const round = await contender.measure(() => fire(traffic), undefined);
    const found = await removeUsers(this.#ground.databaseUrl, run);
    return { ...round, checked: round.requests, wrong: Math.max(0, round.requests - found) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.disposeAsync();
  }
}

/** @returns how many there were whose names begin so */
async function removeUsers(databaseUrl: string, run: string): Promise<number> {
  const connection = await createConnection(databaseUrl);
  try {
    const like = `${run}%`;
    const [[row]] = await connection.query<RowDataPacket[]>(
      "SELECT COUNT(*) AS users FROM user WHERE username LIKE ?",
      [like],
    );
    await connection.query<ResultSetHeader>("DELETE FROM user WHERE username LIKE ?", [like]);
    return Number(row?.users);
  } finally {
    await connection.end();
  }
}
