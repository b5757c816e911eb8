import { expect, setDefaultTimeout, test } from "bun:test";
import { SystemClient } from "../../src/gen/system.ts";
import { UserClient } from "../../src/gen/user.ts";
import { Balancer } from "../../src/rpc/client/balancer.ts";
import { newMember, nicknameOf } from "./client.ts";
import { describeTwoServers, sharedStack } from "./pairs.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

/** Short, so that the cache is open again soon after an update. */
const LEASE_MS = 20;

/** A client of one TCP server alone. */
function connect(port: number) {
  const balancer = new Balancer([{ host: "127.0.0.1", port }]);
  return {
    user: new UserClient(balancer),
    system: new SystemClient(balancer),
    [Symbol.dispose]: () => balancer.close(),
  };
}

describeTwoServers("two TCP servers of one HTTP tier", (pair) => {
  const shared = sharedStack(pair, {}, LEASE_MS);

  test("share its calls", async () => {
    const { api } = await newMember(shared.stack);
    for (let call = 0; call < 50; call++) await nicknameOf(api);
    expect(shared.stack.rpcPorts).toHaveLength(2);
    for (const port of shared.stack.rpcPorts) {
      using server = connect(port);
      const { methods } = await server.system.stats({});
      const reads = methods.find(({ method }) => method === "User.getUserInfo");
      expect(reads?.calls).toBeGreaterThan(0);
    }
  });

  test("show each other's changes at once, even if the old value was cached", async () => {
    const { api, sessionId } = await newMember(shared.stack);
    const [one = 0, other = 0] = shared.stack.rpcPorts;
    using first = connect(one);
    using second = connect(other);
    for (let round = 0; round < 20; round++) {
      const [writer, reader] = round % 2 ? [first, second] : [second, first];
      await Bun.sleep(LEASE_MS);
      await Promise.all([writer, reader].map(({ user }) => user.getUserInfo({ sessionId })));
      const nickname = `round ${round}`;
      await writer.user.updateNickname({ sessionId, nickname });
      expect((await reader.user.getUserInfo({ sessionId })).nickname).toBe(nickname);
      expect(await nicknameOf(api)).toBe(nickname);
    }
    await first.user.signOut({ sessionId });
    await expect(second.user.getUserInfo({ sessionId })).rejects.toMatchObject({
      code: "InvalidSessionError",
    });
  });
});
