import { UserClient } from "../../src/gen/user.ts";
import { DomainError, RpcError } from "../../src/rpc/error.ts";
import type { Caller, CallOptions, Method } from "../../src/rpc/method.ts";
import { UNKNOWN_SESSION } from "../contract/client.ts";

const PASSWORD = "hopper1906";
const DEFAULT_TIMEOUT_MS = 5000;
const BURST = 200;
const PAUSE_MS = 4;
const MAX_VIOLATIONS = 20;

interface Member {
  readonly username: string;
  readonly sessionId: string;
}

/** The results of all calls. */
export interface LoadReport {
  begun: number;
  ended: number;
  /** By outcome: `ok`, a name of the error table, or a status. */
  readonly outcomes: Record<string, number>;
  /** How late the slowest call ended after its deadline, in milliseconds. */
  maxOverrunMs: number;
  /** The first few violations. */
  readonly violations: string[];
}

/** A mix of calls on one client. It checks that each call ends, when, and with what. */
export class RpcLoad implements Caller {
  readonly report: LoadReport = {
    begun: 0,
    ended: 0,
    outcomes: {},
    maxOverrunMs: 0,
    violations: [],
  };
  readonly #caller: Caller;
  readonly #user = new UserClient(this);
  #isOver = false;
  #names = 0;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async call<Request, Reply>(
    method: Method<Request, Reply>,
    request: Request,
    options: CallOptions = {},
  ): Promise<Reply> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    this.report.begun++;
    const begunAt = performance.now();
    try {
      const reply = await this.#caller.call(method, request, options);
      this.#count("ok");
      return reply;
    } catch (error) {
      this.#count(this.#judge(method, error));
      throw error;
    } finally {
      this.report.ended++;
      const overrunMs = Math.round(performance.now() - begunAt - timeoutMs);
      this.report.maxOverrunMs = Math.max(this.report.maxOverrunMs, overrunMs);
    }
  }

  /** Run until `stop`; resolves once every call has ended. */
  async run(workers: number): Promise<void> {
    const work = Array.from({ length: workers }, async (_, index) => {
      let member: Member | undefined;
      for (let turn = index; !this.#isOver; turn++) {
        member = member ? await this.#takeTurn(member, turn) : await this.#join();
        await Bun.sleep(PAUSE_MS);
      }
    });
    await Promise.all(work);
  }

  stop(): void {
    this.#isOver = true;
  }

  #count(outcome: string): void {
    this.report.outcomes[outcome] = (this.report.outcomes[outcome] ?? 0) + 1;
  }

  #violate(what: string): void {
    if (this.report.violations.length < MAX_VIOLATIONS) this.report.violations.push(what);
  }

  /** The name of a failure. An error that callers do not know is a violation. */
  #judge(method: Method<unknown, unknown>, error: unknown): string {
    if (error instanceof DomainError) {
      const isDeclared = method.errors.some((name) => name === error.code);
      if (!isDeclared) this.#violate(`${method.name}: ${error}`);
      return error.code;
    }
    if (!(error instanceof RpcError)) {
      this.#violate(`${method.name}: ${error}`);
      return "fault";
    }
    const { status } = error;
    const isExpected = status === "unavailable" || status === "deadline_exceeded";
    if (!isExpected) this.#violate(`${method.name}: ${status}, ${error.message}`);
    return status;
  }

  /** A new user, signed in; undefined if a server was away. */
  async #join(): Promise<Member | undefined> {
    const username = `soak${this.#names++}`;
    if (!(await this.#try(this.#user.signUp({ username, password: PASSWORD })))) return undefined;
    const session = await this.#try(this.#user.signIn({ username, password: PASSWORD }));
    return session && { username, ...session };
  }

  async #takeTurn(member: Member, turn: number): Promise<Member | undefined> {
    const { username, sessionId } = member;
    const user = this.#user;
    switch (turn % 20) {
      case 0:
        await this.#expectError("PasswordError", user.signIn({ username, password: "wrong" }));
        return member;
      case 1:
        await this.#expectError(
          "InvalidSessionError",
          user.getUserInfo({ sessionId: UNKNOWN_SESSION }),
        );
        return member;
      case 2:
        await this.#try(user.updateNickname({ sessionId, nickname: `n${turn % 1000}` }));
        return member;
      case 3:
        await this.#try(user.getUserInfo({ sessionId }, { timeoutMs: turn % 7 }));
        return member;
      case 4:
        // A user that has signed out is not used again, whether the answer came or not.
        if (turn % 100 !== 4) return member;
        await this.#try(user.signOut({ sessionId }));
        return undefined;
      case 5:
        await Promise.all(Array.from({ length: BURST }, () => this.#read(member)));
        return member;
      default:
        await this.#read(member);
        return member;
    }
  }

  /** A successful read must show its own user. */
  async #read({ username, sessionId }: Member): Promise<void> {
    const profile = await this.#try(this.#user.getUserInfo({ sessionId }));
    if (profile && profile.username !== username) {
      this.#violate(`${username} was told of ${profile.username}`);
    }
  }

  async #expectError(code: string, call: Promise<unknown>): Promise<void> {
    if (await this.#try(call, code)) this.#violate(`${code} was expected, but the call succeeded`);
  }

  /** The reply; undefined if the call failed, which `call` has checked. */
  async #try<Reply>(call: Promise<Reply>, expected?: string): Promise<Reply | undefined> {
    try {
      return await call;
    } catch (error) {
      if (error instanceof DomainError && error.code !== expected) {
        this.#violate(`${error.code} to a call that was right`);
      }
      return undefined;
    }
  }
}
