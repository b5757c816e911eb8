// @generated from schema/http-api.ts by `bun run codegen`. Edit the schema, not this file.
import type { Caller, Method } from "../rpc/method.ts";
import * as user from "./user.ts";

export type { Caller };

/** What every endpoint has. From `HTTP_API` in schema/http-api.ts. */
export interface Endpoint {
  /** `:name` stands for one segment. */
  readonly path: string;
  readonly methods: readonly ("GET" | "POST")[];
  /** Not to be asked for on behalf of another site, ahead of time or by HEAD. */
  readonly changesState: boolean;
}

/** An endpoint that a method answers. From `HTTP_API` in schema/http-api.ts. */
export interface CallEndpoint extends Endpoint {
  readonly method: Method<unknown, unknown>;
  /** What the body holds of the request. */
  readonly fields: readonly string[];
  /** The cookie holds the `sessionId` of the request. */
  readonly needsSession: boolean;
  /** Whether the reply's `sessionId` becomes the cookie, or the cookie is taken away. */
  readonly cookie?: "set" | "clear";
  /** The answer's `data`: a field of the reply, or an object of several. */
  readonly returns: string | readonly string[];
}

/** An endpoint with a handler of its own. From `HTTP_API` in schema/http-api.ts. */
export interface OwnEndpoint extends Endpoint {
  readonly name: "updateProfilePic" | "showPicture";
}

/** The endpoints that a method answers. From `HTTP_API` in schema/http-api.ts. */
export const CALL_ENDPOINTS: readonly CallEndpoint[] = [
  {
    path: "/api/entrytask/user/signup",
    methods: ["POST"],
    changesState: true,
    method: user.SIGN_UP,
    fields: ["username", "password"],
    needsSession: false,
    returns: [],
  },
  {
    path: "/api/entrytask/user/signin",
    methods: ["POST"],
    changesState: true,
    method: user.SIGN_IN,
    fields: ["username", "password"],
    needsSession: false,
    cookie: "set",
    returns: [],
  },
  {
    path: "/api/entrytask/user/signout",
    methods: ["POST", "GET"],
    changesState: true,
    method: user.SIGN_OUT,
    fields: [],
    needsSession: true,
    cookie: "clear",
    returns: [],
  },
  {
    path: "/api/entrytask/user/get_user_info",
    methods: ["GET"],
    changesState: false,
    method: user.GET_USER_INFO,
    fields: [],
    needsSession: true,
    returns: ["username", "nickname", "profilePath"],
  },
  {
    path: "/api/entrytask/user/update_nickname",
    methods: ["POST"],
    changesState: true,
    method: user.UPDATE_NICKNAME,
    fields: ["nickname", "username"],
    needsSession: true,
    returns: "nickname",
  },
];

/** The endpoints with a handler of their own. From `HTTP_API` in schema/http-api.ts. */
export const OWN_ENDPOINTS: readonly OwnEndpoint[] = [
  {
    name: "updateProfilePic",
    path: "/api/entrytask/user/update_profile_pic",
    methods: ["POST"],
    changesState: true,
  },
  { name: "showPicture", path: "/avatars/:name", methods: ["GET"], changesState: false },
];
