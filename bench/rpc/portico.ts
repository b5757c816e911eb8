import { UserClient } from "../../src/gen/user-client.ts";
import { userDispatch } from "../../src/gen/user-service.ts";
import { createLog } from "../../src/log.ts";
import { Balancer } from "../../src/rpc/balancer.ts";
import { Listener } from "../../src/rpc/listener.ts";
import { type Contender, HOST, PROFILE, SESSION_ID, TIMEOUT_MS } from "./contender.ts";

async function notMeasured(): Promise<never> {
  throw new Error("Cannot answer: only getUserInfo is measured");
}

/** As in production: validation on both sides, deadlines, request ids, interceptors. */
export const portico: Contender = {
  about: "typed stub, validation on both sides, deadline, request id",

  async serve() {
    const table = userDispatch({
      signUp: notMeasured,
      signIn: notMeasured,
      signOut: notMeasured,
      getUserInfo: async () => PROFILE,
      updateNickname: notMeasured,
      updateProfilePic: notMeasured,
    });
    const log = createLog("bench", "info", false);
    return new Listener({ host: HOST, port: 0, tables: [table], log });
  },

  async connect(port) {
    const user = new UserClient(new Balancer([{ host: HOST, port }]));
    const options = { timeoutMs: TIMEOUT_MS, requestId: "smCPpl2ISnKcg9EOWmcvvA-12345" };
    return async () => (await user.getUserInfo({ sessionId: SESSION_ID }, options)).username;
  },
};
