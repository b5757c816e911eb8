// @generated from schema/user.ts by `bun run codegen`. Edit the schema, not this file.
import type { Caller, CallOptions } from "../rpc/method.ts";
import type {
  Credentials,
  Empty,
  NicknameUpdate,
  PictureNames,
  Profile,
  ProfilePicUpdate,
  SessionRef,
  UnusedPictures,
} from "./user-messages.ts";
import {
  FIND_UNUSED_PICTURES,
  GET_USER_INFO,
  SIGN_IN,
  SIGN_OUT,
  SIGN_UP,
  UPDATE_NICKNAME,
  UPDATE_PROFILE_PIC,
} from "./user-methods.ts";

/** Calls the methods of User. From `UserContract` in schema/user.ts. */
export class UserClient {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Create a user. Errors: UserExistedError. */
  signUp(request: Credentials, options?: CallOptions): Promise<Empty> {
    return this.#caller.call(SIGN_UP, request, options);
  }

  /** Exchange credentials for a session. Errors: UserNotExistError, PasswordError. */
  signIn(request: Credentials, options?: CallOptions): Promise<SessionRef> {
    return this.#caller.call(SIGN_IN, request, options);
  }

  /** End a session. Errors: InvalidSessionError. */
  signOut(request: SessionRef, options?: CallOptions): Promise<Empty> {
    return this.#caller.call(SIGN_OUT, request, options);
  }

  /** Read the profile that a session belongs to. Errors: InvalidSessionError, UserNotExistError. */
  getUserInfo(request: SessionRef, options?: CallOptions): Promise<Profile> {
    return this.#caller.call(GET_USER_INFO, request, options);
  }

  /** Change the nickname of the session's user. Errors: InvalidSessionError, UserNotExistError. */
  updateNickname(request: NicknameUpdate, options?: CallOptions): Promise<Empty> {
    return this.#caller.call(UPDATE_NICKNAME, request, options);
  }

  /**
   * Point the session's user at a picture that is saved already.
   * Errors: InvalidSessionError, UserNotExistError.
   */
  updateProfilePic(request: ProfilePicUpdate, options?: CallOptions): Promise<Empty> {
    return this.#caller.call(UPDATE_PROFILE_PIC, request, options);
  }

  /** Say which of these pictures no user shows. */
  findUnusedPictures(request: PictureNames, options?: CallOptions): Promise<UnusedPictures> {
    return this.#caller.call(FIND_UNUSED_PICTURES, request, options);
  }
}
