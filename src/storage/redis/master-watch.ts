import { Redis } from "ioredis";
import { withTimeout } from "../attempt.ts";
import { backoffMs, CertificateError, observed, type RedisClient, SILENT } from "./client.ts";
import { WrongRedisError } from "./role.ts";
import { addressOf, type Endpoint, type SentinelUrl } from "./sentinel-url.ts";
import type { RedisTimeouts } from "./timeouts.ts";

const ROUND_MS = 400;
/** A Sentinel is skipped in a round if it takes longer. */
const ANSWER_MS = 500;
/**
 * How long an answer of the Sentinels is relied on. Until then, a server may use copies of a master
 * that was replaced.
 */
const CONFIRMED_MS = 1_500;
/** Sentinels that can reach each other all know of a new master after this time. */
const SPREADING_MS = 1_500;

/**
 * The first update through a new master is this much later than its first connection. By then, no
 * server uses the copies of the old master any more, nor begins an update there.
 */
export const FENCE_MS = CONFIRMED_MS + SPREADING_MS;

/** The master that a Sentinel names. */
interface Naming {
  readonly master: Endpoint;
  /** Grows with each failover. */
  readonly epoch: number;
}

/**
 * Asks all Sentinels all the time which server is the master. The answer with the highest epoch
 * counts, since a Sentinel that is cut off from the others may still name the old one.
 */
export class MasterWatch {
  readonly #sentinels: readonly (readonly [address: string, client: RedisClient])[];
  readonly #url: SentinelUrl;
  #timer: NodeJS.Timeout | undefined;
  #isOpen = true;
  #newest: Naming | undefined;
  /** The server to which Redis was connected last. */
  #used: string | undefined;
  #confirmed = { address: "", untilMs: Number.NEGATIVE_INFINITY };

  constructor(url: SentinelUrl, { connectMs }: RedisTimeouts) {
    this.#url = url;
    this.#sentinels = url.sentinels.map((endpoint) => {
      const sentinel = new Redis({
        ...endpoint,
        ...url.sentinelCredentials,
        ...(url.tls && { tls: url.tls }),
        lazyConnect: true,
        enableReadyCheck: false,
        connectTimeout: connectMs,
        commandTimeout: ANSWER_MS,
        socketTimeout: connectMs,
        maxRetriesPerRequest: 0,
        retryStrategy: backoffMs,
      });
      return [addressOf(endpoint), observed(sentinel, url.tls !== undefined, SILENT)];
    });
  }

  /** Whether a majority of the Sentinels has just confirmed the master that is used. */
  get isConfirmed(): boolean {
    const { address, untilMs } = this.#confirmed;
    return address === this.#used && performance.now() < untilMs;
  }

  /**
   * The master to which Redis connects now.
   * @param named by the Sentinel that was asked for this connection, which may be out of date
   */
  use(named: Endpoint): Endpoint {
    const master = this.#newest?.master ?? named;
    this.#used = addressOf(master);
    return master;
  }

  /**
   * Ask each Sentinel once.
   * @returns the master
   * @throws {WrongRedisError} no Sentinel can ever answer
   * @throws {CertificateError} a certificate is refused
   * @throws {Error} no Sentinel answers
   */
  async find(): Promise<Endpoint> {
    const startedAtMs = performance.now();
    const { masterName } = this.#url;
    const errors: unknown[] = [];
    const answers = await Promise.all(
      this.#sentinels.map(async ([address, { redis, reasonOf }]) => {
        try {
          return await ask(redis, masterName);
        } catch (error) {
          errors.push(explained(address, reasonOf(error)));
          return undefined;
        }
      }),
    );
    this.#judge(answers, startedAtMs);
    if (this.#newest) return this.#newest.master;
    if (answers.includes(null)) {
      throw new WrongRedisError(`the Sentinels know no master "${masterName}" (sentinelMasterId)`);
    }
    const isFinal = (error: unknown) =>
      error instanceof WrongRedisError || error instanceof CertificateError;
    const why = errors.find(isFinal) ?? errors[0];
    if (isFinal(why)) throw why;
    const message = why instanceof Error ? why.message : String(why);
    throw new Error(`no Sentinel answers: ${message}`, { cause: why });
  }

  /** Begin to watch. @param onMoved is called while another server than the used one is named */
  start(onMoved: () => void): void {
    const round = async () => {
      // Without an answer, nothing is confirmed: the log says which server does not answer.
      await this.find().catch(() => undefined);
      if (!this.#isOpen) return;
      const { address, untilMs } = this.#confirmed;
      if (address !== this.#used && performance.now() < untilMs) onMoved();
      this.#timer = setTimeout(round, ROUND_MS);
      this.#timer.unref();
    };
    void round();
  }

  close(): void {
    this.#isOpen = false;
    clearTimeout(this.#timer);
    for (const [, { redis }] of this.#sentinels) redis.disconnect();
  }

  #judge(answers: readonly (Naming | null | undefined)[], startedAtMs: number): void {
    const given = answers.filter((answer) => answer !== undefined && answer !== null);
    this.#newest = given.toSorted((one, other) => other.epoch - one.epoch)[0];
    if (!this.#newest || given.length * 2 <= this.#sentinels.length) return;
    const address = addressOf(this.#newest.master);
    this.#confirmed = { address, untilMs: startedAtMs + CONFIRMED_MS };
  }
}

/** @returns the master that a Sentinel names; null if it knows none of that name */
async function ask(sentinel: Redis, masterName: string): Promise<Naming | null> {
  if (sentinel.status === "wait") await withTimeout(2 * ANSWER_MS, sentinel.connect());
  const [address, state] = await Promise.all([
    sentinel.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName),
    // During a failover, its leader names the new master only in the other answer.
    sentinel.call("SENTINEL", "MASTER", masterName).catch((error: unknown) => {
      if (error instanceof Error && /no such master/i.test(error.message)) return null;
      throw error;
    }),
  ]);
  if (!Array.isArray(address) || !Array.isArray(state)) return null;
  const [host, port] = address.map(String);
  const epoch = Number(state[state.indexOf("config-epoch") + 1]);
  return host === undefined ? null : { master: { host, port: Number(port) }, epoch };
}

/** An error of a Sentinel that says what to do, if waiting would not help. */
function explained(address: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof CertificateError) return error;
  const { message } = error;
  if (/^ERR unknown command/i.test(message)) {
    return new WrongRedisError(`${address} is no Sentinel`, { cause: error });
  }
  if (/^(NOAUTH|WRONGPASS|NOPERM|ERR AUTH) /i.test(message)) {
    const hint = "credentials of Sentinels are sentinelUsername and sentinelPassword";
    return new WrongRedisError(`Sentinel ${address}: ${message} (${hint})`, { cause: error });
  }
  return new Error(`${address}: ${message}`, { cause: error });
}
