// Servers with one port on several addresses of this machine, which DNS lists for one name.
import { entry } from "../method.ts";
import { Listener } from "../server/listener.ts";
import { Gate } from "./gate.ts";
import { eventually, SAY } from "./stack.ts";

const LOG = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  isLevelEnabled: () => false,
};

export class Member implements AsyncDisposable {
  readonly host: string;
  readonly listener: Listener;
  /** The texts of its calls. */
  readonly served: string[] = [];
  /** Holds the calls whose text begins with "slow". */
  readonly gate = new Gate();

  constructor(host: string, port: number) {
    this.host = host;
    const dispatch = entry(SAY, async (request, context) => {
      this.served.push(request.text);
      return request.text.startsWith("slow") ? this.gate.handler(request, context) : request;
    });
    this.listener = new Listener({ host, port, tables: [[dispatch]], log: LOG });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.listener.close(0);
  }
}

/** A name that only FakeDns knows. */
export const NAME = "servers.test";

/** A DNS that gives the answers of the test, and records the questions. */
export class FakeDns {
  answer: () => readonly string[] | Promise<readonly string[]>;
  /** The host names that it was asked for, and when on the clock of `performance.now()`. */
  readonly asked: { readonly host: string; readonly at: number }[] = [];

  constructor(...hosts: readonly string[]) {
    this.answer = () => hosts;
  }

  readonly resolve = async (host: string): Promise<readonly string[]> => {
    this.asked.push({ host, at: performance.now() });
    return await this.answer();
  };
}

export class Fleet implements AsyncDisposable {
  readonly port: number;
  readonly dns: FakeDns;
  readonly #members = new Map<string, Member>();

  /** Start a server on each of these hosts. DNS lists them. */
  constructor(...hosts: readonly [string, ...string[]]) {
    const [first, ...others] = hosts;
    this.port = this.#start(first, 0).listener.port;
    for (const host of others) this.#start(host, this.port);
    this.dns = new FakeDns(...hosts);
  }

  /** Start another server, which DNS does not list yet. */
  start(host: string): Member {
    return this.#start(host, this.port);
  }

  at(host: string): Member {
    const member = this.#members.get(host);
    if (!member) throw new Error(`Cannot find a server at ${host}`);
    return member;
  }

  /** From now on, DNS lists these hosts. */
  announce(...hosts: readonly string[]): void {
    this.dns.answer = () => hosts;
  }

  /** Wait until each server has a connection. */
  async areConnected(): Promise<void> {
    const members = [...this.#members.values()];
    await eventually(() => members.every(({ listener }) => listener.connections > 0));
  }

  #start(host: string, port: number): Member {
    const member = new Member(host, port);
    this.#members.set(host, member);
    return member;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#members.values(), (member) => member.listener.close(0)));
  }
}
