import { freePort } from "../../test/ports.ts";
import type { Peer } from "../peers/peer.ts";
import { HASH_ALONE, type LoadResult, PORTICO, type Round } from "../report/results.ts";
import { mostStolen } from "../report/summary.ts";
import { type Attack, attackOf } from "./attacks.ts";
import { Contender } from "./contender.ts";
import type { Databases } from "./databases.ts";
import { hashAlone } from "./hash-alone.ts";
import type { LoadTool } from "./load-tool.ts";
import { type Load, measuredEndpoint } from "./loads.ts";
import type { Users } from "./traffic.ts";
import { cpuSeconds } from "./usage.ts";

/** All are calm that spend less than this part of a core, together, … */
const CALM_SHARE = 0.1;
/** … for so long; it is not waited for longer than this. */
const CALM_MS = 300;
const LONGEST_CALM_MS = 10_000;

/** Of the cores, by other machines: with more, a round says little of anybody. */
const MUCH_STOLEN = 0.05;

export interface Ground {
  readonly databases: Databases;
  readonly databaseUrl: string;
  readonly users: Users;
  readonly passwordHash: string;
  /** For the files of the loads. */
  readonly folder: string;
}

export interface Rounds {
  readonly tool: LoadTool;
  readonly count: number;
  /** So many more at most, for those in which other machines had much of the cores. */
  readonly more?: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/** Contenders that run side by side, on the same users. */
export class Contest implements AsyncDisposable {
  readonly contenders: readonly Contender[];
  readonly #ground: Ground;
  readonly #running: AsyncDisposableStack;

  private constructor(
    contenders: readonly Contender[],
    ground: Ground,
    running: AsyncDisposableStack,
  ) {
    this.contenders = contenders;
    this.#ground = ground;
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
    { tool, count, more = 0, seconds, warmUpSeconds }: Rounds,
    onProgress: (text: string) => void,
  ): Promise<LoadResult> {
    const attacks = this.#attacks(load, tool);
    const what = `${load.endpoint} over ${load.connections} connections`;
    for (const [name, attack] of attacks) {
      onProgress(`${what}: warming up ${name}`);
      if (name !== HASH_ALONE) await attack(warmUpSeconds);
    }
    const rounds: Map<string, Round>[] = [];
    for (let disturbed = 0; rounds.length < count + Math.min(disturbed, more); ) {
      const number = rounds.length + 1;
      const round = new Map<string, Round>();
      // Whoever comes first has the next round's last turn: nobody always follows the same one.
      for (const [name, attack] of number % 2 === 1 ? attacks : attacks.toReversed()) {
        onProgress(`${what}: round ${number} of ${Math.max(number, count)}, ${name}`);
        await this.#calm();
        round.set(name, await attack(seconds));
      }
      rounds.push(round);
      if (mostStolen(round.values()) > MUCH_STOLEN) disturbed++;
    }
    await this.#ground.databases.forgetSessions();
    const { connections, floor } = load;
    return {
      endpoint: measuredEndpoint(load),
      connections,
      passwordHash: this.#ground.passwordHash,
      users: this.#ground.users.total,
      tool: tool.name,
      ...(floor !== undefined && { floor }),
      contenders: attacks.map(([name]) => ({
        name,
        rounds: rounds.flatMap((round) => round.get(name) ?? []),
      })),
    };
  }

  /** What the one before has left behind, an abandoned hash or a purge, is not the next one's. */
  async #calm(): Promise<void> {
    const pids = [...Object.values(this.#ground.databases.pids)];
    for (const contender of this.contenders) pids.push(...contender.pids);
    const spent = () => pids.reduce((total, pid) => total + cpuSeconds(pid), 0);
    const endsAtMs = performance.now() + LONGEST_CALM_MS;
    for (let before = spent(); performance.now() < endsAtMs; ) {
      await Bun.sleep(CALM_MS);
      const after = spent();
      if (after - before < (CALM_MS / 1000) * CALM_SHARE) return;
      before = after;
    }
  }

  #attacks(load: Load, tool: LoadTool): [string, Attack][] {
    const { passwordHash } = this.#ground;
    const attacks: [string, Attack][] = [];
    for (const contender of this.contenders) {
      // A ceiling has no users to add to.
      if (!contender.peer.isService && load.endpoint === "signup") continue;
      if (load.isPorticoAlone && contender.name !== PORTICO) continue;
      attacks.push([contender.name, attackOf(contender, load, tool, this.#ground)]);
    }
    const isHashed = load.endpoint === "signin" && passwordHash.startsWith("argon2id");
    if (isHashed && !load.isPorticoAlone) {
      attacks.push([HASH_ALONE, (seconds) => hashAlone(passwordHash, seconds)]);
    }
    return attacks;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.disposeAsync();
  }
}
