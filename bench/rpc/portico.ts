import { GET_USER_INFO, UserClient } from "../../src/gen/user.ts";
import { Balancer } from "../../src/rpc/client/balancer.ts";
import type { Interceptors } from "../../src/rpc/interceptor.ts";
import { DEFAULT_POOL_LIMITS } from "../../src/rpc/limits.ts";
import { entry } from "../../src/rpc/method.ts";
import { Listener } from "../../src/rpc/server/listener.ts";
import { callLog } from "../../src/telemetry/call-log.ts";
import { CallStats } from "../../src/telemetry/call-stats.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { type Contender, HOST, PROFILE, REQUEST_ID, SESSION_ID, TIMEOUT_MS } from "./contender.ts";

const LOG = createLog("bench", "info", false);

/** As in production, without traces: the call log, which is silent here, and the counters. */
function interceptors(): Interceptors {
  return [callLog(LOG), new CallStats().interceptor];
}

/** The typed client as in production, with validation, deadlines, request ids and interceptors. */
export const portico: Contender = {
  async serve() {
    const tables = [[entry(GET_USER_INFO, async () => PROFILE)]];
    return new Listener({
      host: HOST,
      port: 0,
      tables,
      log: LOG,
      interceptors: interceptors(),
    });
  },

  async connect(port) {
    const user = new UserClient(
      new Balancer([{ host: HOST, port }], DEFAULT_POOL_LIMITS, {}, interceptors()),
    );
    const options = { timeoutMs: TIMEOUT_MS, requestId: REQUEST_ID };
    return async () => (await user.getUserInfo({ sessionId: SESSION_ID }, options)).username;
  },
};
