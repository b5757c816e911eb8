// @generated from schema/user.ts by `bun run codegen`. Edit the schema, not this file.
import type { Method } from "../rpc/call.ts";
import {
  Credentials,
  Empty,
  NicknameUpdate,
  Profile,
  ProfilePicUpdate,
  SessionRef,
} from "./user-messages.ts";

/** Create a user. From `UserContract.signUp` in schema/user.ts. */
export const SIGN_UP: Method<Credentials, Empty> = {
  name: "User.signUp",
  number: 1,
  hash: "927f99119e55ea62",
  idempotent: false,
  errors: ["UserExistedError"],
  request: Credentials,
  reply: Empty,
};

/** Exchange credentials for a session. From `UserContract.signIn` in schema/user.ts. */
export const SIGN_IN: Method<Credentials, SessionRef> = {
  name: "User.signIn",
  number: 2,
  hash: "2f977779df95781b",
  idempotent: false,
  errors: ["UserNotExistError", "PasswordError"],
  request: Credentials,
  reply: SessionRef,
};

/** End a session. From `UserContract.signOut` in schema/user.ts. */
export const SIGN_OUT: Method<SessionRef, Empty> = {
  name: "User.signOut",
  number: 3,
  hash: "d77e148675261f2c",
  idempotent: false,
  errors: ["InvalidSessionError"],
  request: SessionRef,
  reply: Empty,
};

/**
 * Read the profile that a session belongs to.
 * From `UserContract.getUserInfo` in schema/user.ts.
 */
export const GET_USER_INFO: Method<SessionRef, Profile> = {
  name: "User.getUserInfo",
  number: 4,
  hash: "d59a64f93975b937",
  idempotent: true,
  errors: ["InvalidSessionError", "UserNotExistError"],
  request: SessionRef,
  reply: Profile,
};

/**
 * Change the nickname of the session's user.
 * From `UserContract.updateNickname` in schema/user.ts.
 */
export const UPDATE_NICKNAME: Method<NicknameUpdate, Empty> = {
  name: "User.updateNickname",
  number: 5,
  hash: "5ab36c7f48926347",
  idempotent: false,
  errors: ["InvalidSessionError", "UserNotExistError"],
  request: NicknameUpdate,
  reply: Empty,
};

/**
 * Point the session's user at a picture that is saved already.
 * From `UserContract.updateProfilePic` in schema/user.ts.
 */
export const UPDATE_PROFILE_PIC: Method<ProfilePicUpdate, Empty> = {
  name: "User.updateProfilePic",
  number: 6,
  hash: "ea21a9819c6d37af",
  idempotent: false,
  errors: ["InvalidSessionError", "UserNotExistError"],
  request: ProfilePicUpdate,
  reply: Empty,
};
