import { checkCeiling, checkService } from "../peers/answers.ts";
import type { Peer, Place } from "../peers/peer.ts";
import { type RunningPeer, startPeer } from "../peers/start.ts";
import type { Round } from "../report/results.ts";
import { AnswerSampler, type Ask } from "./answer-sampler.ts";
import type { Hits } from "./load-tool.ts";
import { Users } from "./traffic.ts";
import { coreTime, cpuSeconds, residentBytes, stolenShare } from "./usage.ts";

/** A peer that runs, and the databases behind it. */
export class Contender implements AsyncDisposable {
  readonly peer: Peer;
  readonly #running: RunningPeer;
  /** Whose CPU time is counted. */
  readonly #pids: ReadonlyMap<string, number>;

  private constructor(peer: Peer, running: RunningPeer, pids: ReadonlyMap<string, number>) {
    this.peer = peer;
    this.#running = running;
    this.#pids = pids;
  }

  /**
   * @param databasePids of the databases that it shares with the others, by name
   * @throws {Error} it does not start, or does not keep the contract
   */
  static async start(
    peer: Peer,
    place: Place,
    databasePids: Readonly<Record<string, number>>,
  ): Promise<Contender> {
    const running = await startPeer(peer, place);
    try {
      const check = peer.isService ? checkService : checkCeiling;
      await check(running.origin, new Users(1).next());
    } catch (cause) {
      await running[Symbol.asyncDispose]();
      throw new Error(`Cannot measure ${peer.name}: ${cause}`, { cause });
    }
    const shared = Object.entries(databasePids);
    if (!peer.isService) return new Contender(peer, running, running.pids);
    // Without the databases' part it would be less than a request costs.
    const pids = shared.length > 0 ? [...running.pids, ...shared] : [];
    return new Contender(peer, running, new Map(pids));
  }

  get name(): string {
    return this.peer.name;
  }

  get origin(): string {
    return this.#running.origin;
  }

  /** Of its own processes. */
  get pids(): number[] {
    return [...this.#running.pids.values()];
  }

  /** What its own processes have in memory, by name. */
  memory(): Record<string, number> {
    return fromEntries(this.#running.pids, residentBytes);
  }

  /** Let a load loose on it, and count what that costs. */
  async measure(fire: () => Promise<Hits>, ask: Ask | undefined): Promise<Round> {
    const before = fromEntries(this.#pids, cpuSeconds);
    const sampler = ask && new AnswerSampler(ask);
    const coresBefore = coreTime();
    const hits = await fire();
    const stolen = stolenShare(coresBefore, coreTime());
    const after = fromEntries(this.#pids, cpuSeconds);
    const memoryBytes = this.memory();
    await sampler?.end();
    if (sampler?.firstWrong) {
      console.error(`\n${this.name}: an answer was wrong: ${sampler.firstWrong}`);
    }
    return {
      ...hits,
      checked: sampler?.checked ?? 0,
      wrong: sampler?.wrong ?? 0,
      cpuSeconds: fromEntries(this.#pids, (_, name) => (after[name] ?? 0) - (before[name] ?? 0)),
      memoryBytes,
      stolenShare: stolen,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
  }
}

function fromEntries(
  pids: ReadonlyMap<string, number>,
  read: (pid: number, name: string) => number,
): Record<string, number> {
  return Object.fromEntries(Array.from(pids, ([name, pid]) => [name, read(pid, name)]));
}
