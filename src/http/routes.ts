import { accountHandlers } from "./accounts.ts";
import { avatarHandlers } from "./avatar.ts";
import type { Handler, HttpParts } from "./exchange.ts";
import { pageRoutes } from "./pages.ts";
import { profileHandlers } from "./profile.ts";
import { refuseCrossSite } from "./request.ts";

/** Path → method → handler. A GET answers HEAD too. */
export type RouteTable = Readonly<Record<string, Readonly<Record<string, Handler>>>>;

const API = "/api/entrytask/user";

/** Every URL that the HTTP tier answers. */
export function routes(parts: HttpParts): RouteTable {
  const accounts = accountHandlers(parts);
  const profile = profileHandlers(parts);
  const avatar = avatarHandlers(parts);

  /** For what changes state: not on behalf of another site. */
  const changing =
    (handler: Handler): Handler =>
    async (exchange) => {
      refuseCrossSite(exchange.request, parts.publicUrl);
      return handler(exchange);
    };

  return {
    [`${API}/signup`]: { POST: changing(accounts.signUp) },
    [`${API}/signin`]: { POST: changing(accounts.signIn) },
    [`${API}/signout`]: { GET: changing(accounts.signOut), POST: changing(accounts.signOut) },
    [`${API}/get_user_info`]: { GET: profile.read },
    [`${API}/update_nickname`]: { POST: changing(profile.updateNickname) },
    [`${API}/update_profile_pic`]: { POST: changing(avatar.update) },
    "/avatars/:name": { GET: avatar.show },
    "/": { GET: profile.home },
    ...pageRoutes(parts.publicFolder), // /signUp.html, /signIn.html, /userInfo.html, …
  };
}
