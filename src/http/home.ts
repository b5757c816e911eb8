import { DomainError } from "../rpc/error.ts";
import type { Handler, HttpParts } from "./exchange.ts";
import { withFirstSession } from "./session-cookie.ts";

/** Send a browser to the page that it belongs on. */
export function homeHandler({ clients, cookie }: Pick<HttpParts, "clients" | "cookie">): Handler {
  return async ({ request, requestId }) => {
    const page = (await isSignedIn(request, requestId)) ? "/userInfo.html" : "/signIn.html";
    return new Response(null, {
      status: 302,
      headers: { Location: page, "Cache-Control": "no-store" },
    });
  };

  async function isSignedIn(request: Request, requestId: string): Promise<boolean> {
    try {
      await withFirstSession(cookie.read(request), (sessionId) =>
        clients.user.getUserInfo({ sessionId }, { requestId }),
      );
      return true;
    } catch (error) {
      // Only an answer says who is not signed in. Where none can be had, the page of the profile
      // tells what is wrong, and leads on if it comes to that.
      return !(error instanceof DomainError && error.code !== "DataBaseError");
    }
  }
}
