// @generated from schema/user.ts by `bun run codegen`. Edit the schema, not this file.
import type { Method } from "../rpc/method.ts";
import {
  Credentials,
  Empty,
  NicknameUpdate,
  PictureNames,
  Profile,
  ProfilePicUpdate,
  SessionRef,
  UnusedPictures,
} from "./user-messages.ts";

/** What signUp may answer beside its reply. From `UserContract.signUp` in schema/user.ts. */
export type SignUpError = "UserExistedError";

/** Create a user. From `UserContract.signUp` in schema/user.ts. */
export const SIGN_UP: Method<Credentials, Empty, SignUpError> = {
  name: "User.signUp",
  summary: "Create a user.",
  number: 1,
  hash: "103c4ca7c1529b34",
  idempotent: false,
  errors: ["UserExistedError"],
  request: Credentials,
  reply: Empty,
};

/** What signIn may answer beside its reply. From `UserContract.signIn` in schema/user.ts. */
export type SignInError = "UserNotExistError" | "PasswordError";

/** Exchange credentials for a session. From `UserContract.signIn` in schema/user.ts. */
export const SIGN_IN: Method<Credentials, SessionRef, SignInError> = {
  name: "User.signIn",
  summary: "Exchange credentials for a session.",
  number: 2,
  hash: "d3a7a096dc629489",
  idempotent: false,
  errors: ["UserNotExistError", "PasswordError"],
  request: Credentials,
  reply: SessionRef,
};

/** What signOut may answer beside its reply. From `UserContract.signOut` in schema/user.ts. */
export type SignOutError = "InvalidSessionError";

/** End a session. From `UserContract.signOut` in schema/user.ts. */
export const SIGN_OUT: Method<SessionRef, Empty, SignOutError> = {
  name: "User.signOut",
  summary: "End a session.",
  number: 3,
  hash: "d77e148675261f2c",
  idempotent: false,
  errors: ["InvalidSessionError"],
  request: SessionRef,
  reply: Empty,
};

/**
 * What getUserInfo may answer beside its reply.
 * From `UserContract.getUserInfo` in schema/user.ts.
 */
export type GetUserInfoError = "InvalidSessionError" | "UserNotExistError";

/**
 * Read the profile that a session belongs to.
 * From `UserContract.getUserInfo` in schema/user.ts.
 */
export const GET_USER_INFO: Method<SessionRef, Profile, GetUserInfoError> = {
  name: "User.getUserInfo",
  summary: "Read the profile that a session belongs to.",
  number: 4,
  hash: "d59a64f93975b937",
  idempotent: true,
  errors: ["InvalidSessionError", "UserNotExistError"],
  request: SessionRef,
  reply: Profile,
};

/**
 * What updateNickname may answer beside its reply.
 * From `UserContract.updateNickname` in schema/user.ts.
 */
export type UpdateNicknameError = "InvalidSessionError" | "UserNotExistError";

/**
 * Change the nickname of the session's user.
 * From `UserContract.updateNickname` in schema/user.ts.
 */
export const UPDATE_NICKNAME: Method<NicknameUpdate, Empty, UpdateNicknameError> = {
  name: "User.updateNickname",
  summary: "Change the nickname of the session's user.",
  number: 5,
  hash: "ec8ee79e01196205",
  olderHashes: ["76814781961ac950"],
  idempotent: false,
  errors: ["InvalidSessionError", "UserNotExistError"],
  request: NicknameUpdate,
  reply: Empty,
};

/**
 * What updateProfilePic may answer beside its reply.
 * From `UserContract.updateProfilePic` in schema/user.ts.
 */
export type UpdateProfilePicError = "InvalidSessionError" | "UserNotExistError";

/**
 * Point the session's user at a picture that is saved already.
 * From `UserContract.updateProfilePic` in schema/user.ts.
 */
export const UPDATE_PROFILE_PIC: Method<ProfilePicUpdate, Empty, UpdateProfilePicError> = {
  name: "User.updateProfilePic",
  summary: "Point the session's user at a picture that is saved already.",
  number: 6,
  hash: "5d7e6d6f57c9ab54",
  olderHashes: ["ea21a9819c6d37af"],
  idempotent: false,
  errors: ["InvalidSessionError", "UserNotExistError"],
  request: ProfilePicUpdate,
  reply: Empty,
};

/**
 * Say which of these pictures no user shows.
 * From `UserContract.findUnusedPictures` in schema/user.ts.
 */
export const FIND_UNUSED_PICTURES: Method<PictureNames, UnusedPictures, never> = {
  name: "User.findUnusedPictures",
  summary: "Say which of these pictures no user shows.",
  number: 100,
  hash: "78e4577d7cedbe4b",
  idempotent: true,
  errors: [],
  request: PictureNames,
  reply: UnusedPictures,
};
