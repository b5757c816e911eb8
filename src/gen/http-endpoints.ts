// @generated from schema/http-api.ts by `bun run codegen`. Edit the schema, not this file.
import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import * as userSchema from "../../schema/user.ts";
import type { Caller, CallOptions, Validator } from "../rpc/method.ts";
import * as user from "./user.ts";

/** What every endpoint has. From `HTTP_API` in schema/http-api.ts. */
export interface Endpoint {
  /** `:name` stands for one segment. */
  readonly path: string;
  readonly methods: readonly ("GET" | "POST")[];
  /** If true, other sites, prefetching and HEAD are refused. */
  readonly changesState: boolean;
}

/** An endpoint that a method answers. From `HTTP_API` in schema/http-api.ts. */
export type CallEndpoint<Body, Reply> = Endpoint & {
  /** The fields of the body; if there are none, the body is not read. */
  readonly fields: readonly string[];
  readonly body: Validator<Body>;
  /** The answer's `data`. */
  data(reply: Reply): unknown;
  /** The session that the cookie holds from now on. */
  newSession?(reply: Reply): string;
  /** The id that the cookie of the device holds from now on; undefined if that stays as it is. */
  newDevice?(reply: Reply): string | undefined;
  /** Whether the cookie is taken away. */
  endsSession?(reply: Reply): boolean;
  /** The picture that no profile shows any more. */
  unusedPicture?(reply: Reply): string;
  /** If true, the request also tells what the HTTP tier knows of the browser. */
  readonly needsClient: boolean;
} & (
    | { readonly needsSession: false; readonly call: Call<Body & OfClient, Reply> }
    | { readonly needsSession: true; readonly call: Call<Body & Session & OfClient, Reply> }
  );

type Call<Request, Reply> = (
  clients: Clients,
  request: Request,
  options: CallOptions,
) => Promise<Reply>;

/** What the cookie adds to a body. */
interface Session {
  readonly sessionId: string;
}

/** What the HTTP tier adds to a body if the endpoint needs it. */
interface OfClient {
  readonly client?: Client;
}

/** What the HTTP tier knows of a browser. From `HTTP_API` in schema/http-api.ts. */
export interface Client {
  /** The IP address. */
  readonly address: string;
  readonly userAgent?: string;
  /** From the cookie of the device. */
  readonly deviceId?: string;
  /** The session that the browser has before a sign-in. */
  readonly sessionId?: string;
}

type TakeCallEndpoint = <Body extends object, Reply>(endpoint: CallEndpoint<Body, Reply>) => void;

/** An endpoint with a handler of its own. From `HTTP_API` in schema/http-api.ts. */
export interface OwnEndpoint extends Endpoint {
  readonly name: "updateProfilePic" | "showPicture";
}

/** The clients of the services that answer endpoints. From `HTTP_API` in schema/http-api.ts. */
export interface Clients {
  readonly user: user.UserClient;
}

/** The clients, over one caller. From `HTTP_API` in schema/http-api.ts. */
export function clientsOf(caller: Caller): Clients {
  return { user: new user.UserClient(caller) };
}

/** The check of a request that has nothing but a session. */
const NO_FIELDS = TypeCompiler.Compile(Type.Object({}));

/**
 * Hand each endpoint that a method answers to `take`: each has types of its own.
 * From `HTTP_API` in schema/http-api.ts.
 */
export function eachCallEndpoint(take: TakeCallEndpoint): void {
  take({
    path: "/api/entrytask/user/signup",
    methods: ["POST"],
    changesState: true,
    fields: ["username", "password"],
    body: TypeCompiler.Compile(Type.Omit(userSchema.Credentials, ["client"])),
    needsSession: false,
    needsClient: true,
    call: (clients, request, options) => clients.user.signUp(request, options),
    data: () => "",
  });
  take({
    path: "/api/entrytask/user/signin",
    methods: ["POST"],
    changesState: true,
    fields: ["username", "password"],
    body: TypeCompiler.Compile(Type.Omit(userSchema.Credentials, ["client"])),
    needsSession: false,
    needsClient: true,
    call: (clients, request, options) => clients.user.signIn(request, options),
    data: () => "",
    newSession: (reply) => reply.sessionId,
    newDevice: (reply) => reply.deviceId,
  });
  take({
    path: "/api/entrytask/user/signout",
    methods: ["POST", "GET"],
    changesState: true,
    fields: [],
    body: NO_FIELDS,
    needsSession: true,
    needsClient: true,
    call: (clients, request, options) => clients.user.signOut(request, options),
    data: () => "",
    endsSession: () => true,
  });
  take({
    path: "/api/entrytask/user/get_user_info",
    methods: ["GET"],
    changesState: false,
    fields: [],
    body: NO_FIELDS,
    needsSession: true,
    needsClient: false,
    call: (clients, request, options) => clients.user.getUserInfo(request, options),
    data: (reply) => ({
      username: reply.username,
      nickname: reply.nickname,
      profilePath: reply.profilePath,
    }),
  });
  take({
    path: "/api/entrytask/user/update_nickname",
    methods: ["POST"],
    changesState: true,
    fields: ["nickname", "username"],
    body: TypeCompiler.Compile(Type.Omit(userSchema.NicknameUpdate, ["sessionId"])),
    needsSession: true,
    needsClient: false,
    call: (clients, request, options) => clients.user.updateNickname(request, options),
    data: (reply) => reply.nickname,
  });
  take({
    path: "/api/entrytask/user/sessions",
    methods: ["GET"],
    changesState: false,
    fields: [],
    body: NO_FIELDS,
    needsSession: true,
    needsClient: false,
    call: (clients, request, options) => clients.user.listSessions(request, options),
    data: (reply) => reply.sessions,
  });
  take({
    path: "/api/entrytask/user/end_session",
    methods: ["POST"],
    changesState: true,
    fields: ["id", "username"],
    body: TypeCompiler.Compile(Type.Omit(userSchema.SessionEnding, ["sessionId", "client"])),
    needsSession: true,
    needsClient: true,
    call: (clients, request, options) => clients.user.endSession(request, options),
    data: () => "",
    endsSession: (reply) => reply.current,
  });
  take({
    path: "/api/entrytask/user/end_other_sessions",
    methods: ["POST"],
    changesState: true,
    fields: ["username"],
    body: TypeCompiler.Compile(Type.Omit(userSchema.OtherSessions, ["sessionId", "client"])),
    needsSession: true,
    needsClient: true,
    call: (clients, request, options) => clients.user.endOtherSessions(request, options),
    data: (reply) => reply.ended,
  });
  take({
    path: "/api/entrytask/user/change_password",
    methods: ["POST"],
    changesState: true,
    fields: ["oldPassword", "newPassword", "username"],
    body: TypeCompiler.Compile(Type.Omit(userSchema.PasswordChange, ["sessionId", "client"])),
    needsSession: true,
    needsClient: true,
    call: (clients, request, options) => clients.user.changePassword(request, options),
    data: () => "",
    newSession: (reply) => reply.sessionId,
  });
  take({
    path: "/api/entrytask/user/delete_account",
    methods: ["POST"],
    changesState: true,
    fields: ["password", "username"],
    body: TypeCompiler.Compile(Type.Omit(userSchema.AccountDeletion, ["sessionId", "client"])),
    needsSession: true,
    needsClient: true,
    call: (clients, request, options) => clients.user.deleteAccount(request, options),
    data: () => "",
    endsSession: () => true,
    unusedPicture: (reply) => reply.profilePath,
  });
  take({
    path: "/api/entrytask/user/export_my_data",
    methods: ["GET"],
    changesState: false,
    fields: [],
    body: NO_FIELDS,
    needsSession: true,
    needsClient: true,
    call: (clients, request, options) => clients.user.exportMyData(request, options),
    data: (reply) => ({
      username: reply.username,
      nickname: reply.nickname,
      profilePath: reply.profilePath,
      createdAt: reply.createdAt,
      modifiedAt: reply.modifiedAt,
      sessions: reply.sessions,
    }),
  });
}

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
