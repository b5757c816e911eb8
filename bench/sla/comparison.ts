import { freePort } from "../../test/ports.ts";
import type { Peer } from "../peers/peer.ts";
import { HASH_ALONE, PORTICO } from "../report/results.ts";
import { Contender } from "./contender.ts";
import { hashAlone } from "./hash-alone.ts";
import { type Environment, type LoadRun, loadRunOn } from "./load-run.ts";
import type { LoadTool } from "./load-tool.ts";
import { type Load, measuredEndpoint } from "./loads.ts";
import type { MeasuredLoad, Round } from "./round.ts";
import { mostStolen } from "./summary.ts";
import { cpuSeconds } from "./usage.ts";

/** The processes are idle if together they use less than this part of a core … */
const IDLE_SHARE = 0.1;
/** … for this long. */
const IDLE_MS = 300;
const IDLE_TIMEOUT_MS = 10_000;

/** A round in which other machines took more than this part of the cores counts as disturbed. */
const DISTURBED_SHARE = 0.05;

export interface Rounds {
  readonly tool: LoadTool;
  readonly count: number;
  /** At most this many extra rounds, one for each that was disturbed by other machines. */
  readonly extra?: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/** Contenders that run at the same time, on the same users, and take turns under a load. */
export class Comparison implements AsyncDisposable {
  readonly contenders: readonly Contender[];
  readonly #environment: Environment;
  readonly #running: AsyncDisposableStack;

  private constructor(
    contenders: readonly Contender[],
    environment: Environment,
    running: AsyncDisposableStack,
  ) {
    this.contenders = contenders;
    this.#environment = environment;
    this.#running = running;
  }

  static async start(peers: readonly Peer[], environment: Environment): Promise<Comparison> {
    await using starting = new AsyncDisposableStack();
    const { databases, databaseUrl, passwordHash } = environment;
    const contenders: Contender[] = [];
    for (const peer of peers) {
      const redisUrl = await databases.createRedis();
      const [httpPort, rpcPort] = [freePort(), freePort()];
      const config = { httpPort, rpcPort, databaseUrl, redisUrl, passwordHash };
      contenders.push(starting.use(await Contender.start(peer, config, databases.pids)));
    }
    return new Comparison(contenders, environment, starting.move());
  }

  /** Put a load on each contender in turn, several times: a slower machine slows all of them. */
  async measure(
    load: Load,
    { tool, count, extra = 0, seconds, warmUpSeconds }: Rounds,
    onProgress: (text: string) => void,
  ): Promise<MeasuredLoad> {
    const loadRuns = this.#loadRuns(load, tool);
    const what = `${load.endpoint} over ${load.connections} connections`;
    for (const [name, run] of loadRuns) {
      onProgress(`${what}: warming up ${name}`);
      if (name !== HASH_ALONE) await run(warmUpSeconds);
    }
    const rounds: Map<string, Round>[] = [];
    for (let disturbed = 0; rounds.length < count + Math.min(disturbed, extra); ) {
      const number = rounds.length + 1;
      const round = new Map<string, Round>();
      // The order is reversed each time, so that no contender always follows the same other.
      for (const [name, run] of number % 2 === 1 ? loadRuns : loadRuns.toReversed()) {
        onProgress(`${what}: round ${number} of ${Math.max(number, count)}, ${name}`);
        await this.#waitUntilIdle();
        round.set(name, await run(seconds));
      }
      rounds.push(round);
      if (mostStolen(round.values()) > DISTURBED_SHARE) disturbed++;
    }
    await this.#environment.databases.forgetSessions();
    const { connections, floor } = load;
    return {
      endpoint: measuredEndpoint(load),
      connections,
      passwordHash: this.#environment.passwordHash,
      users: this.#environment.users.total,
      tool: tool.name,
      ...(floor !== undefined && { floor }),
      contenders: loadRuns.map(([name]) => ({
        name,
        rounds: rounds.flatMap((round) => round.get(name) ?? []),
      })),
    };
  }

  /** Work of one turn, such as an abandoned hash, must not slow down the next turn. */
  async #waitUntilIdle(): Promise<void> {
    const pids = [...Object.values(this.#environment.databases.pids)];
    for (const contender of this.contenders) pids.push(...contender.pids);
    const spent = () => pids.reduce((total, pid) => total + cpuSeconds(pid), 0);
    const endsAtMs = performance.now() + IDLE_TIMEOUT_MS;
    for (let before = spent(); performance.now() < endsAtMs; ) {
      await Bun.sleep(IDLE_MS);
      const after = spent();
      if (after - before < (IDLE_MS / 1000) * IDLE_SHARE) return;
      before = after;
    }
  }

  #loadRuns(load: Load, tool: LoadTool): [name: string, run: LoadRun][] {
    const { passwordHash } = this.#environment;
    const loadRuns: [string, LoadRun][] = [];
    for (const contender of this.contenders) {
      // Bare Bun.serve has no users to add to.
      if (!contender.peer.isService && load.endpoint === "signup") continue;
      if (load.porticoOnly && contender.name !== PORTICO) continue;
      loadRuns.push([contender.name, loadRunOn(contender, load, tool, this.#environment)]);
    }
    const isHashed = load.endpoint === "signin" && passwordHash.startsWith("argon2id");
    if (isHashed && !load.porticoOnly) {
      loadRuns.push([HASH_ALONE, (seconds) => hashAlone(passwordHash, seconds)]);
    }
    return loadRuns;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.disposeAsync();
  }
}
