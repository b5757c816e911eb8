// The part of Portico's HTTP API that every peer has too.

import { DEFAULT_PROFILE_PATH } from "../../schema/picture.ts";

export const USER_API = "/api/entrytask/user";
export const SIGN_IN = `${USER_API}/signin`;
export const SIGN_UP = `${USER_API}/signup`;
export const GET_USER_INFO = `${USER_API}/get_user_info`;

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** A well-formed id without a session: to answer, a service has to ask Redis. */
export const UNKNOWN_SESSION = "5df41881-3aed-3515-88a7-2f4a814cf09e";

/** `Set-Cookie` of a new session: the id is a UUID of version 3. */
export const SESSION_COOKIE =
  /^sessionID=([0-9a-f]{8}-[0-9a-f]{4}-3[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})(?:;|$)/;

/** By default the nickname of a new user, the first eight code points of the username. */
export function profileOf(username: string, nickname = [...username].slice(0, 8).join("")) {
  return { username, nickname, profilePath: DEFAULT_PROFILE_PATH };
}
