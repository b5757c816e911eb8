import type { ClientIdentity } from "../client/balancer.ts";
import { startClient } from "./stack.ts";

/** A client that calls without a pause until it is stopped. */
export function startCalling(ports: number[], identity: ClientIdentity) {
  const client = startClient(ports, {}, identity);
  const failures: unknown[] = [];
  let isStopping = false;
  let calls = 0;
  const work = async () => {
    while (!isStopping) {
      await client.say(`${calls++}`).catch((error: unknown) => failures.push(error));
      await Bun.sleep(1);
    }
  };
  const workers = [work(), work(), work(), work()];
  return {
    balancer: client.balancer,
    failures,
    /** Wait until this many more calls have begun. */
    async more(count: number): Promise<void> {
      const enough = calls + count;
      while (calls < enough) await Bun.sleep(5);
    },
    async stop(): Promise<void> {
      isStopping = true;
      await Promise.all(workers);
      client[Symbol.dispose]();
    },
  };
}
