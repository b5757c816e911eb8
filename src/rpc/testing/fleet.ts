// Servers of one port on several addresses of this machine, as DNS gives them for one name.
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

/** A name that only the test's own DNS knows. */
export const NAME = "servers.test";

/** A DNS that says what the test says, and counts how often it is asked. */
export class FakeDns {
  answer: () => readonly string[] | Promise<readonly string[]>;
  /** Whom it was asked for, and when, on `performance.now()`. */
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

  /** Start a server on each of these hosts; they are what DNS says. */
  constructor(...hosts: readonly [string, ...string[]]) {
    const [first, ...others] = hosts;
    this.port = this.#start(first, 0).listener.port;
    for (const host of others) this.#start(host, this.port);
    this.dns = new FakeDns(...hosts);
  }

  /** One more server; DNS does not know of it yet. */
  start(host: string): Member {
    return this.#start(host, this.port);
  }

  at(host: string): Member {
    const member = this.#members.get(host);
    if (!member) throw new Error(`Cannot find a server at ${host}`);
    return member;
  }

  /** DNS says from now on that these are the servers. */
  announce(...hosts: readonly string[]): void {
    this.dns.answer = () => hosts;
  }

  /** Wait until each of them has a connection. */
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
