import { expect, setDefaultTimeout, test } from "bun:test";
import { deadPort, eventually, failure, SAY, startClient, startServer } from "../testing/stack.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

test("servers() has a caller for each server, which calls no other", async () => {
  await using one = await startServer(async () => ({ text: "one" }));
  await using two = await startServer(async () => ({ text: "two" }));
  using client = startClient([one.port, two.port]);
  for (let round = 0; round < 20; round++) {
    const servers = client.balancer.servers();
    const answers = servers.map(({ caller }) => caller.call(SAY, { text: "who?" }));
    expect(await Promise.all(answers)).toEqual([{ text: "one" }, { text: "two" }]);
  }
});

test("a call of one server fails if that one is lost, and lost() says why", async () => {
  await using server = await startServer(async (request) => request);
  const dead = deadPort();
  using client = startClient([dead, server.port]);
  const [lost, works] = client.balancer.servers();
  const error = await failure(
    lost?.caller.call(SAY, { text: "a" }, { timeoutMs: 300 }) ?? Promise.resolve(),
  );
  expect(error).toMatchObject({ processed: false });
  await eventually(() => lost?.lost() !== undefined);
  expect(lost?.lost()?.message).toStartWith(`Cannot reach 127.0.0.1:${dead}`);
  expect(works?.lost()).toBeUndefined();
  expect(lost?.address.port).toBe(dead);
});
