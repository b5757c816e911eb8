import { expect, test } from "bun:test";
import { entry } from "../rpc/method.ts";
import { recorder, SAY } from "../rpc/testing/stack.ts";
import { CallRecords } from "./call-records.ts";
import { CallStats } from "./call-stats.ts";
import { DatabaseOperations } from "./database-operations.ts";
import { createSystemService } from "./system.ts";

test("describe() says for which callers a method is, and nothing if it is for all", async () => {
  const part = { database: "None", ping: async () => undefined };
  const forAdmin = { ...SAY, name: "Test.wipe", number: 8, callers: ["admin"] };
  const answer = async (request: { text: string }) => request;
  const table = [entry(SAY, answer), entry(forAdmin, answer)];
  const system = createSystemService({
    users: part,
    sessions: part,
    stats: new CallStats(),
    records: new CallRecords(1000, new DatabaseOperations(), {
      steps: (steps) => steps,
      beforeMs: () => 0,
    }),
    log: recorder([]),
    tables: () => [table],
    openConnections: () => 0,
    isDraining: () => false,
  });
  const { services } = await system.describe({}, Object.create(null));
  const [say, wipe] = services[0]?.methods ?? [];
  expect(say).not.toHaveProperty("callers");
  expect(wipe).toMatchObject({ name: "wipe", callers: ["admin"] });
});
