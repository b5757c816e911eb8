import { UserClient } from "../../src/gen/user.ts";
import { Balancer } from "../../src/rpc/client/balancer.ts";
import { DomainError, RpcError } from "../../src/rpc/error.ts";
import { Api, profileOf, sessionIdOf } from "../contract/client.ts";
import { Questions } from "./questions.ts";
import type { Site } from "./site.ts";

const LANES = 12;
const SESSIONS = 2;
const WRITES = 2;
/** Old sessions that keep trying while the name has its next owners. */
const REMEMBERED = 6;
const BY_SQL = 0.3;
/** The share of deletions that the next owner does not wait for. */
const IMPATIENT = 0.5;
/** Longer than the mark of a write stands, unless a fault keeps it. */
const QUIET_MS = 30;
const DELETE_ACCOUNT = "/api/entrytask/user/delete_account";

/** A session of one of the owners of a name. */
interface Session {
  readonly sessionId: string;
  readonly api: Api;
  readonly generation: number;
  writes: number;
}

/** A name that gets one owner after the other. */
class Name {
  readonly username: string;
  /** The newest owner whose sign-up was acknowledged. */
  generation = 0;
  /** Of all owners, newest last. */
  readonly sessions: Session[] = [];

  constructor(username: string) {
    this.username = username;
  }

  get password(): string {
    return `pass${this.generation}`;
  }
}

/**
 * Names whose owners delete their accounts, and others sign up with them. All sessions keep reading
 * and writing: each owner writes the number of its generation, and must never read another.
 */
export class OwnerLoad {
  readonly questions = new Questions();
  readonly counts = { rounds: 0, bySql: 0, reads: 0, writes: 0, refused: 0, cached: 0, tried: 0 };
  readonly #site: Site;
  readonly #api: Api;
  readonly #random: () => number;
  readonly #balancer: Balancer;
  readonly #user: UserClient;
  readonly #names: Name[] = [];

  constructor(site: Site, random: () => number) {
    this.#site = site;
    this.#api = new Api(site.url);
    this.#random = random;
    this.#balancer = new Balancer(site.rpcAddresses);
    this.#user = new UserClient(this.#balancer);
  }

  /** Run until `stop` or for so many rounds; resolves once every request is answered. */
  async run(rounds: number): Promise<void> {
    await Promise.all(
      Array.from({ length: LANES }, async (_, lane) => {
        const name = new Name(`owner${lane}`);
        this.#names.push(name);
        while (!this.questions.isOver && this.counts.rounds < rounds) await this.#round(name);
      }),
    );
    this.questions.stop();
  }

  /** Try each session of an old owner once more. */
  async finish(): Promise<void> {
    for (const name of this.#names) {
      const old = name.sessions.filter(({ generation }) => generation < name.generation);
      this.counts.tried += old.length;
      for (const session of old) await this.#read(name, session);
    }
    this.#balancer.close();
  }

  /** A new owner signs up, uses the account while earlier owners do, and deletes it. */
  async #round(name: Name): Promise<void> {
    // Acts of the old owner are in progress as the next one signs up.
    const deletion = name.generation > 0 ? this.#delete(name) : undefined;
    const busy = this.#keepUsing(name, name.sessions.slice(-REMEMBERED * SESSIONS));
    if (this.#random() > IMPATIENT) await deletion;
    await this.#signUp(name);
    await deletion;
    for (let n = 0; n < SESSIONS; n++) await this.#signIn(name);
    const own = name.sessions.filter(({ generation }) => generation === name.generation);
    await Promise.all([busy, this.#keepUsing(name, own)]);
    if (this.#random() < IMPATIENT) await this.#readQuietly(name, own);
    const [copy] = await this.#site.cached([name.username]).catch(() => []);
    if (copy !== undefined) this.counts.cached++;
    this.counts.rounds++;
  }

  /** The next owner then often meets a cached profile. */
  async #readQuietly(name: Name, sessions: readonly Session[]): Promise<void> {
    await Bun.sleep(QUIET_MS);
    for (const session of sessions) await this.#read(name, session);
  }

  async #delete(name: Name): Promise<void> {
    const [session] = name.sessions.filter(({ generation }) => generation === name.generation);
    const { password } = name;
    if (session && this.#random() > BY_SQL) {
      const ask = () => session.api.post(DELETE_ACCOUNT, { password });
      const answer = await this.questions.ask(ask, "2", "4", "5");
      if (answer?.code === "7") return;
    }
    // By hand, also if its outcome is unknown.
    this.counts.bySql++;
    while (!this.questions.isOver) {
      try {
        return await this.#site.deleteRow(name.username);
      } catch {
        await Bun.sleep(50);
      }
    }
  }

  async #signUp(name: Name): Promise<void> {
    const next = name.generation + 1;
    while (!this.questions.isOver) {
      const signUp = () => this.#api.signUp(name.username, `pass${next}`);
      const answer = await this.questions.ask(signUp, "3");
      if (answer?.code === "7") {
        name.generation = next;
        return;
      }
      // Its outcome may be unknown, and the row may be its own.
      const signIn = () => this.#api.signIn(name.username, `pass${next}`);
      const isOwn = answer && (await this.questions.ask(signIn, "4", "5"))?.code === "7";
      if (isOwn) {
        name.generation = next;
        return;
      }
    }
  }

  async #signIn(name: Name): Promise<void> {
    const { generation, username, password } = name;
    // The row may be gone: a deletion by hand may come after the sign-up that did not wait for it.
    const signIn = () => this.#api.signIn(username, password);
    const answer = await this.questions.ask(signIn, "4");
    if (answer?.code !== "7") return;
    const sessionId = sessionIdOf(answer);
    const api = this.#api.withSession(sessionId);
    name.sessions.push({ sessionId, api, generation, writes: 0 });
  }

  /** Read and write with each of these sessions at the same time. */
  async #keepUsing(name: Name, sessions: readonly Session[]): Promise<void> {
    await Promise.all(
      sessions.map(async (session) => {
        for (let n = 0; n < WRITES && !this.questions.isOver; n++) {
          await this.#read(name, session);
          if (!(await this.#write(name, session))) return;
        }
        await this.#read(name, session);
      }),
    );
  }

  async #read(name: Name, session: Session): Promise<void> {
    // Whether its next owner was known before the request began.
    const isOld = session.generation < name.generation;
    const answer = await this.questions.ask(() => session.api.userInfo(), "2", "4");
    if (answer?.code !== "7") return;
    this.counts.reads++;
    const { nickname, profilePath } = profileOf(answer);
    const own = `${session.generation}`;
    const first = name.username.slice(0, 8);
    const isOwn = nickname.startsWith(`${own}.`) || (session.writes === 0 && nickname === first);
    const isOwnPicture = profilePath === `${own}.webp` || profilePath === "default.webp";
    const shown = `${nickname} and ${profilePath}`;
    if (!isOwn || !isOwnPicture) this.questions.find(`owner ${own} is shown ${shown}`);
    if (isOld) this.questions.find(`a session of owner ${own} lives, after ${name.generation}`);
  }

  /** @returns whether the session lives */
  async #write(name: Name, session: Session): Promise<boolean> {
    const isOld = session.generation < name.generation;
    const own = `${session.generation}`;
    const nickname = `${own}.${this.counts.writes % 100}`;
    const answer = await this.questions.ask(() => session.api.nickname(nickname), "2", "4");
    const isLive = answer?.code === "7";
    if (isLive) session.writes++;
    this.counts[isLive ? "writes" : "refused"]++;
    if (isLive && isOld) this.questions.find(`owner ${own} has written, after ${name.generation}`);
    await this.#user
      .updateProfilePic({ sessionId: session.sessionId, profilePath: `${own}.webp` })
      .catch((error: unknown) => {
        if (!(error instanceof DomainError || error instanceof RpcError)) throw error;
      });
    return isLive || answer === undefined;
  }
}
