import { checkCeiling, checkService } from "../peers/answers.ts";
import type { Peer, PeerConfig } from "../peers/peer.ts";
import { type RunningPeer, startPeer } from "../peers/start.ts";
import { AnswerSampler, type Ask } from "./answer-sampler.ts";
import type { ToolReport } from "./load-tool.ts";
import type { Round } from "./round.ts";
import { Users } from "./traffic.ts";
import { coreTime, cpuSeconds, residentBytes, stolenShare } from "./usage.ts";

/** A running peer and the databases behind it. */
export class Contender implements AsyncDisposable {
  readonly peer: Peer;
  readonly #running: RunningPeer;
  /** The processes whose CPU time is counted. */
  readonly #pids: ReadonlyMap<string, number>;

  private constructor(peer: Peer, running: RunningPeer, pids: ReadonlyMap<string, number>) {
    this.peer = peer;
    this.#running = running;
    this.#pids = pids;
  }

  /**
   * @param databasePids by name; all contenders share these databases
   * @throws {Error} the peer does not start, or does not keep the contract
   */
  static async start(
    peer: Peer,
    config: PeerConfig,
    databasePids: Readonly<Record<string, number>>,
  ): Promise<Contender> {
    const running = await startPeer(peer, config);
    try {
      const check = peer.isService ? checkService : checkCeiling;
      await check(running.origin, new Users(1).next());
    } catch (cause) {
      await running[Symbol.asyncDispose]();
      throw new Error(`Cannot measure ${peer.name}: ${cause}`, { cause });
    }
    const shared = Object.entries(databasePids);
    if (!peer.isService) return new Contender(peer, running, running.pids);
    // Without the databases' part the sum would be less than a request costs.
    const pids = shared.length > 0 ? [...running.pids, ...shared] : [];
    return new Contender(peer, running, new Map(pids));
  }

  get name(): string {
    return this.peer.name;
  }

  get origin(): string {
    return this.#running.origin;
  }

  /** Its own processes, without the databases. */
  get pids(): number[] {
    return [...this.#running.pids.values()];
  }

  /** Resident bytes of its own processes, by name. */
  memory(): Record<string, number> {
    return mapValues(this.#running.pids, residentBytes);
  }

  /** Send a load, and measure what it costs. If there is an `ask`, answers are sampled. */
  async measure(send: () => Promise<ToolReport>, ask: Ask | undefined): Promise<Round> {
    const before = mapValues(this.#pids, cpuSeconds);
    const sampler = ask && new AnswerSampler(ask);
    const coresBefore = coreTime();
    const report = await send();
    const stolen = stolenShare(coresBefore, coreTime());
    const after = mapValues(this.#pids, cpuSeconds);
    const memoryBytes = this.memory();
    await sampler?.end();
    if (sampler?.firstWrong) {
      console.error(`\n${this.name}: an answer was wrong: ${sampler.firstWrong}`);
    }
    return {
      ...report,
      checked: sampler?.checked ?? 0,
      wrong: sampler?.wrong ?? 0,
      cpuSeconds: mapValues(this.#pids, (_, name) => (after[name] ?? 0) - (before[name] ?? 0)),
      memoryBytes,
      stolenShare: stolen,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
  }
}

function mapValues(
  pids: ReadonlyMap<string, number>,
  read: (pid: number, name: string) => number,
): Record<string, number> {
  return Object.fromEntries(Array.from(pids, ([name, pid]) => [name, read(pid, name)]));
}
