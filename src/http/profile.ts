import { NicknameUpdate } from "../gen/user-messages.ts";
import { DomainError } from "../rpc/error.ts";
import type { Handler, HttpParts } from "./exchange.ts";
import { Refusal, success } from "./reply.ts";
import { readFields, toNfc } from "./request.ts";

/** Read the profile, change the nickname, and send a browser to the page that it belongs on. */
export function profileHandlers({
  user,
  cookie,
}: HttpParts): Record<"read" | "updateNickname" | "home", Handler> {
  return {
    async read({ request, requestId }) {
      const sessionId = cookie.read(request);
      const { username, nickname, profilePath } = await user.getUserInfo(
        { sessionId },
        { requestId, signal: () => request.signal },
      );
      return success({ username, nickname, profilePath });
    },

    async updateNickname({ request, requestId }) {
      const { nickname: given } = await readFields(request);
      // The request's shape is judged before its session, so the two are checked apart.
      const shape = { sessionId: "", nickname: toNfc(given) };
      if (!NicknameUpdate.Check(shape)) throw new Refusal(400, "The body holds no nickname");
      const { nickname } = shape;
      const sessionId = cookie.read(request);
      const signal = () => request.signal;
      await user.updateNickname({ sessionId, nickname }, { requestId, signal });
      return success(nickname);
    },

    async home({ request, requestId }) {
      const page = (await isSignedIn(request, requestId)) ? "/userInfo.html" : "/signIn.html";
      return new Response(null, {
        status: 302,
        headers: { Location: page, "Cache-Control": "no-store" },
      });
    },
  };

  async function isSignedIn(request: Request, requestId: string): Promise<boolean> {
    try {
      await user.getUserInfo({ sessionId: cookie.read(request) }, { requestId });
      return true;
    } catch (error) {
      // Only an answer says who is not signed in. Where none can be had, the page of the profile
      // tells what is wrong, and leads on if it comes to that.
      return !(error instanceof DomainError && error.code !== "DataBaseError");
    }
  }
}
