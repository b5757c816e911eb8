import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { AdminClient } from "../../src/gen/admin.ts";
import { Api, type Member, newMember, sessionIdOf } from "./client.ts";
import { describeAllPairs, sharedStack } from "./pairs.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const PASSWORD = "hopper1906";
const NEW_PASSWORD = "lovelace1815";

/** How often a race is run. */
const ROUNDS = 15;
const MAX_ROUNDS = 200;

const codes = (apis: readonly Api[]) =>
  Promise.all(apis.map(async (api) => (await api.userInfo()).code));

describeAllPairs("administration", (pair) => {
  const shared = sharedStack(pair);
  const admin = (): AdminClient => shared.stack.admin;
  const api = () => new Api(shared.stack.url);
  const member = () => newMember(shared.stack);

  describe("a sign-in that runs at the same time", () => {
    /** Sign in again and again around an act; the sessions that were opened. */
    async function signInAround(
      { username }: Member,
      delayMs: number,
      act: () => Promise<unknown>,
    ) {
      const opened: Api[] = [];
      const signIn = async (laterMs: number) => {
        await Bun.sleep(laterMs);
        const answer = await api().signIn(username, PASSWORD);
        if (answer.code === "7") opened.push(api().withSession(sessionIdOf(answer)));
        else expect(["4", "5"]).toContain(answer.code);
      };
      const signIns = Array.from({ length: 8 }, (_, index) => signIn(index));
      await Bun.sleep(delayMs);
      await act();
      await Promise.all(signIns);
      return opened;
    }

    const ACTS: Readonly<Record<string, (username: string) => Promise<unknown>>> = {
      "setPassword()": (username) => admin().setPassword({ username, password: NEW_PASSWORD }),
      "disableUser()": (username) => admin().disableUser({ username }),
      "deleteUser()": async (username) => {
        await admin().deleteUser({ username });
        expect((await api().signUp(username, NEW_PASSWORD)).code).toBe("7");
      },
    };

    test.each(Object.keys(ACTS))("leaves no session that lives after %s", async (name) => {
      const opened: Api[] = [];
      // Until some sign-ins were in time: otherwise the rounds show nothing.
      for (let round = 0; round < ROUNDS || (opened.length === 0 && round < MAX_ROUNDS); round++) {
        const grace = await member();
        const act = async () => ACTS[name]?.(grace.username);
        opened.push(...(await signInAround(grace, round % 6, act)));
      }
      expect(opened.length).toBeGreaterThan(0);
      expect(new Set(await codes(opened))).toEqual(new Set(["2"]));
    });
  });
});
