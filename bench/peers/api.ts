// The part of Portico's HTTP API that every peer has too.

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
