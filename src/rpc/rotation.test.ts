import { expect, setDefaultTimeout, test } from "bun:test";
import { startCalling } from "./testing/calling.ts";
import { callAsOlder } from "./testing/older-handshake.ts";
import { failure, startClient, startServer, type TestServer } from "./testing/stack.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const OLD = "the token of last year";
const NEW = "the token of this year";
const GRACE_MS = 10_000;

/** A server that can be restarted on its port with other tokens. */
class Restartable implements AsyncDisposable {
  #server: TestServer;

  constructor(http: readonly string[]) {
    this.#server = this.#start(http, 0);
  }

  get port(): number {
    return this.#server.port;
  }

  async restart(http: readonly string[]): Promise<void> {
    const { port } = this;
    await this.#server.listener.close(GRACE_MS);
    this.#server = this.#start(http, port);
  }

  #start(http: readonly string[], port: number): TestServer {
    return startServer(async (request) => request, { port, tokens: new Map([["http", http]]) });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.listener.close(0);
  }
}

test("a token is replaced by two entries of one name, and no call fails", async () => {
  await using one = new Restartable([OLD]);
  await using other = new Restartable([OLD]);
  const ports = [one.port, other.port];
  const before = startCalling(ports, { token: OLD });
  await before.more(50);

  for (const server of [one, other]) {
    await server.restart([OLD, NEW]);
    await before.more(50);
  }
  // A tier of an older version takes the first token.
  expect(await callAsOlder(one.port, OLD)).toBe('{"text":"older"}');

  const after = startCalling(ports, { token: NEW });
  await after.more(50);
  await before.more(50);
  await before.stop();
  for (const server of [one, other]) {
    await server.restart([NEW]);
    await after.more(50);
  }
  await after.stop();
  expect(before.failures).toEqual([]);
  expect(after.failures).toEqual([]);

  using stranger = startClient(ports, {}, { token: OLD });
  expect(await failure(stranger.say("am I still known?"))).toMatchObject({ status: "unavailable" });
});
