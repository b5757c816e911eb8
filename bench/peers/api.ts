// What every contender's HTTP API has in common with Portico's.

export const USER_API = "/api/entrytask/user";
export const SIGN_IN = `${USER_API}/signin`;
export const SIGN_UP = `${USER_API}/signup`;
export const GET_USER_INFO = `${USER_API}/get_user_info`;

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** As those that are handed out, and nobody's: to answer it, Redis has to be asked. */
export const UNKNOWN_SESSION = "5df41881-3aed-3515-88a7-2f4a814cf09e";
