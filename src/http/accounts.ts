import { Credentials } from "../gen/user-messages.ts";
import type { Exchange, Handler, HttpParts } from "./exchange.ts";
import { Refusal, success } from "./reply.ts";
import { readFields, toNfc } from "./request.ts";

/** Sign up, sign in, sign out. */
export function accountHandlers({
  user,
  cookie,
}: HttpParts): Record<"signUp" | "signIn" | "signOut", Handler> {
  return {
    async signUp({ request, requestId }) {
      const credentials = await readCredentials(request);
      await user.signUp(credentials, { requestId, signal: () => request.signal });
      return success("");
    },

    async signIn({ request, requestId }) {
      const credentials = await readCredentials(request);
      const { sessionId } = await user.signIn(credentials, {
        requestId,
        signal: () => request.signal,
      });
      return success("", cookie.set(sessionId));
    },

    async signOut({ request, requestId }) {
      // Not cancelled: who closes the window on signing out wants the session to end all the same.
      await user.signOut({ sessionId: cookie.read(request) }, { requestId });
      return success("", cookie.clear());
    },
  };
}

async function readCredentials(request: Exchange["request"]): Promise<Credentials> {
  const { username, password } = await readFields(request);
  const credentials = { username: toNfc(username), password: toNfc(password) };
  if (Credentials.Check(credentials)) return credentials;
  throw new Refusal(400, "The body does not hold a username and a password");
}
