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

export type SignUpError = "UserExistedError";

export const SIGN_UP: Method<Credentials, Empty, SignUpError> = {
  name: "User.signUp",
  number: 1,
  hash: "bdc315f0a6ebcb7b",
  idempotent: false,
  errors: ["UserExistedError"],
  request: Credentials,
  reply: Empty,
};

export type SignInError = "UserNotExistError" | "PasswordError";

export const SIGN_IN: Method<Credentials, SessionRef, SignInError> = {
  name: "User.signIn",
  number: 2,
  hash: "6a3aed552ce783b6",
  idempotent: false,
  errors: ["UserNotExistError", "PasswordError"],
  request: Credentials,
  reply: SessionRef,
};

export type SignOutError = "InvalidSessionError";

export const SIGN_OUT: Method<SessionRef, Empty, SignOutError> = {
  name: "User.signOut",
  number: 3,
  hash: "04566f914689f0b6",
  idempotent: false,
  errors: ["InvalidSessionError"],
  request: SessionRef,
  reply: Empty,
};

export type GetUserInfoError = "InvalidSessionError" | "UserNotExistError";

export const GET_USER_INFO: Method<SessionRef, Profile, GetUserInfoError> = {
  name: "User.getUserInfo",
  number: 4,
  hash: "0f289ad19517b026",
  idempotent: true,
  errors: ["InvalidSessionError", "UserNotExistError"],
  request: SessionRef,
  reply: Profile,
};

export type UpdateNicknameError = "InvalidSessionError" | "UserNotExistError";

export const UPDATE_NICKNAME: Method<NicknameUpdate, Empty, UpdateNicknameError> = {
  name: "User.updateNickname",
  number: 5,
  hash: "70c20f6b5ca27a3e",
  idempotent: false,
  errors: ["InvalidSessionError", "UserNotExistError"],
  request: NicknameUpdate,
  reply: Empty,
};

export type UpdateProfilePicError = "InvalidSessionError" | "UserNotExistError";

export const UPDATE_PROFILE_PIC: Method<ProfilePicUpdate, Empty, UpdateProfilePicError> = {
  name: "User.updateProfilePic",
  number: 6,
  hash: "53092f2efb82cb4a",
  idempotent: false,
  errors: ["InvalidSessionError", "UserNotExistError"],
  request: ProfilePicUpdate,
  reply: Empty,
};
