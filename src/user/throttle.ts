import type { Log } from "../rpc/log.ts";
import type { Attempt, SignInAttempt, SignUpAttempt } from "./attempt.ts";
import { audit } from "./audit.ts";
import { Devices, newDeviceKey } from "./device.ts";
import { type CountedFailures, type Counter, counterOf, Failures } from "./failures.ts";
import { Guess, throwIfBlocked } from "./guess.ts";
import { LIMITS } from "./limits.ts";
import { originOf } from "./origin.ts";
import {
  ACCOUNT,
  accountSubject,
  addressCounters,
  addressSubject,
  type From,
  SignInCounters,
  siteSubject,
} from "./sign-in-counters.ts";
import type { FailureStore, UserStore } from "./stores.ts";

/** What the throttle of this server has counted. */
export interface ThrottleCounts {
  /** Attempts that were let pass, although their failures may be refused later. */
  readonly admitted: Readonly<Record<"sign_in" | "sign_up" | "confirm", number>>;
  /** Attempts that were refused, and failures, by the name of the limit. */
  readonly refused: Readonly<Record<string, number>>;
  readonly failures: Readonly<Record<string, number>>;
  /** How many levels are kept in memory. */
  readonly levels: number;
}

/** Where the servers share what the throttle needs. */
interface ThrottleStorage {
  readonly secret: UserStore["secret"];
  /** Undefined if this server is the only one. */
  readonly failures: FailureStore | undefined;
}

/** @throws {StorageError} the key of the device ids cannot be read */
export async function openThrottle(storage: ThrottleStorage, log: Log): Promise<Throttle> {
  const devices = new Devices(await storage.secret("device-key", newDeviceKey));
  return new Throttle(new Failures(storage.failures, log), devices, log);
}

/** Limits the attempts to guess passwords. docs/accounts.md says what it promises. */
export class Throttle {
  readonly #failures: Failures;
  readonly #devices: Devices;
  readonly #log: Log;
  readonly #admitted = { sign_in: 0, sign_up: 0, confirm: 0 };

  constructor(failures: Failures, devices: Devices, log: Log) {
    this.#failures = failures;
    this.#devices = devices;
    this.#log = log;
  }

  get counts(): ThrottleCounts {
    const { charged, refused, size: levels } = this.#failures;
    const admitted = this.#admitted;
    return { admitted, failures: charged.byName, refused: refused.byName, levels };
  }

  /**
   * Call this before the user is looked up.
   * @throws {RpcError} rate_limited
   */
  signIn(username: string, attempt: Attempt): SignInAttempt | Promise<SignInAttempt> {
    const from = fromOf(attempt);
    const deviceIds = attempt.client?.deviceIds;
    const nonce = deviceIds && this.#nonceOf(username, deviceIds);
    const counters = new SignInCounters(username, from, nonce);
    const plan = () => this.#signInPlan(counters);
    const charge = this.#charging(attempt, username);
    // Someone else at the address of a known device may have failed, so that does not count.
    const [address] = counters.addresses;
    const isSuspect = address !== undefined && nonce === undefined;
    const hasFailed = isSuspect && this.#failures.hasFailed(address);
    const turn = { address: from.address, hasFailed };
    const guess = new Guess(turn, this.#failures, plan, charge);
    const admitted = this.#admit(
      "sign_in",
      (isFinal) => guess.throwIfBlocked(isFinal),
      () => counters.all,
    );
    const signIn: SignInAttempt = {
      address: from.address,
      guess,
      unknownUser: async () => {
        if (counters.addresses.length === 0) return;
        throwIfBlocked(this.#failures, counters.addresses);
        await charge(counters.addresses);
      },
      newDeviceId: () => {
        const { device } = counters;
        const counts = device !== undefined && this.#failures.blockedMs(device) === 0;
        return counts ? undefined : this.#devices.newId(username);
      },
    };
    // Most sign-ins are admitted at once. A promise of an async function would cost more.
    return admitted ? admitted.then(() => signIn) : signIn;
  }

  /** @throws {RpcError} rate_limited */
  async signUp(attempt: Attempt): Promise<SignUpAttempt> {
    const from = fromOf(attempt);
    const signUps = addressCounters(from, LIMITS.signUps, LIMITS.siteSignUps);
    const taken = addressCounters(from, LIMITS.address, LIMITS.site);
    const charge = this.#charging(attempt);
    const check = (isFinal?: boolean) =>
      throwIfBlocked(this.#failures, [...signUps, ...taken], isFinal);
    await this.#admit("sign_up", check, () => [...signUps, ...taken]);
    return {
      turn: {
        address: from.address,
        hasFailed: [...signUps, ...taken].some((counter) => this.#failures.hasFailed(counter)),
        begin: () => {
          check();
          void charge(signUps);
          return true;
        },
      },
      taken: () => {
        check();
        return charge(taken);
      },
    };
  }

  /**
   * A user who has signed in types the password again. Each session has a few failures of its own:
   * a thief of a session cannot guess the password, nor keep the owner from signing in.
   * @param session names the session, but is not its id
   * @throws {RpcError} rate_limited
   */
  async confirm(username: string, session: string, attempt: Attempt): Promise<Guess> {
    const { address } = fromOf(attempt);
    const counters = [counterOf(LIMITS.session, accountSubject(username), session)];
    const charge = this.#charging(attempt, username);
    const hasFailed = counters.some((counter) => this.#failures.hasFailed(counter));
    const guess = new Guess({ address, hasFailed }, this.#failures, () => counters, charge);
    await this.#admit(
      "confirm",
      (isFinal) => guess.throwIfBlocked(isFinal),
      () => counters,
    );
    return guess;
  }

  /**
   * Forget the failures of an account, on all servers within a few seconds. Those of addresses
   * stay.
   * @throws {StorageError}
   */
  lift(username: string): Promise<void> {
    return this.#failures.lift(accountSubject(username));
  }

  /** The failures of an account, those from everywhere first. */
  failuresOf(username: string): Promise<CountedFailures[]> {
    const subject = accountSubject(username);
    const everywhere = [LIMITS.account, LIMITS.devices].map((limit) => counterOf(limit, subject));
    return this.#failures.list(subject, everywhere);
  }

  /**
   * Forget the failures and the sign-ups of an address and of its site, as `lift` does.
   * @throws {StorageError}
   */
  async liftAddress(address: string): Promise<void> {
    const origin = originOf(address);
    await this.#failures.lift(addressSubject(origin));
    if (origin.site !== undefined) await this.#failures.lift(siteSubject(origin.site));
  }

  /**
   * What names the device: the first id that is valid and has failures left. Another host of the
   * domain may have set one that is used up.
   */
  #nonceOf(username: string, deviceIds: readonly string[]): string | undefined {
    const nonces = this.#devices.noncesOf(username, deviceIds);
    if (nonces.length < 2) return nonces[0];
    const account = accountSubject(username);
    const hasLeft = (nonce: string) =>
      this.#failures.blockedMs(counterOf(LIMITS.device, account, nonce)) === 0;
    return nonces.find(hasLeft) ?? nonces[0];
  }

  #signInPlan(counters: SignInCounters): Counter[] {
    const { device, devices, network, addresses, account } = counters;
    const blockedMs = (counter: Counter) => this.#failures.blockedMs(counter);
    if (device && devices && blockedMs(device) === 0 && blockedMs(devices) === 0) {
      return [device, devices];
    }
    const accountMs = blockedMs(account);
    const isReserved =
      accountMs > 0 && counters.reserves.every((reserve) => blockedMs(reserve) < accountMs);
    return isReserved
      ? [network, ...addresses, ...counters.reserves]
      : [network, ...addresses, account];
  }

  /**
   * If an attempt is refused, make sure that the store still says so.
   * @returns undefined if it is not refused
   */
  #admit(
    kind: keyof ThrottleCounts["admitted"],
    check: (isFinal: boolean) => void,
    counters: () => readonly Counter[],
  ): Promise<void> | undefined {
    try {
      check(false);
    } catch {
      return this.#failures.refresh(counters()).then(() => {
        check(true);
        this.#admitted[kind]++;
      });
    }
    this.#admitted[kind]++;
    return undefined;
  }

  #charging({ actor }: Attempt, account?: string): (counters: readonly Counter[]) => Promise<void> {
    return async (counters) => {
      for (const { limit, subject } of await this.#failures.charge(counters)) {
        const username = subject.startsWith(ACCOUNT) ? account : undefined;
        const reason = limit.name;
        audit(this.#log, { event: "throttle", outcome: "failure", reason, username, ...actor });
      }
    };
  }
}

function fromOf({ client, actor }: Attempt): From {
  const origin = originOf(actor.address);
  return { ...origin, isShared: client === undefined || origin.isLoopback };
}
