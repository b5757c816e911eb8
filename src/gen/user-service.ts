// @generated from schema/user.ts by `bun run codegen`. Edit the schema, not this file.
import { type CallContext, type DispatchTable, dispatchTable, entry } from "../rpc/method.ts";
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
  type GetUserInfoError,
  SIGN_IN,
  SIGN_OUT,
  SIGN_UP,
  type SignInError,
  type SignOutError,
  type SignUpError,
  UPDATE_NICKNAME,
  UPDATE_PROFILE_PIC,
  type UpdateNicknameError,
  type UpdateProfilePicError,
} from "./user-methods.ts";

/** What a server of User does. From `UserContract` in schema/user.ts. */
export interface UserService {
  /** Create a user. Errors: UserExistedError. */
  signUp(request: Credentials, context: CallContext<SignUpError>): Promise<Empty>;

  /** Exchange credentials for a session. Errors: UserNotExistError, PasswordError. */
  signIn(request: Credentials, context: CallContext<SignInError>): Promise<SessionRef>;

  /** End a session. Errors: InvalidSessionError. */
  signOut(request: SessionRef, context: CallContext<SignOutError>): Promise<Empty>;

  /** Read the profile that a session belongs to. Errors: InvalidSessionError, UserNotExistError. */
  getUserInfo(request: SessionRef, context: CallContext<GetUserInfoError>): Promise<Profile>;

  /** Change the nickname of the session's user. Errors: InvalidSessionError, UserNotExistError. */
  updateNickname(
    request: NicknameUpdate,
    context: CallContext<UpdateNicknameError>,
  ): Promise<Empty>;

  /**
   * Point the session's user at a picture that is saved already.
   * Errors: InvalidSessionError, UserNotExistError.
   */
  updateProfilePic(
    request: ProfilePicUpdate,
    context: CallContext<UpdateProfilePicError>,
  ): Promise<Empty>;

  /** Say which of these pictures no user shows. */
  findUnusedPictures(request: PictureNames, context: CallContext<never>): Promise<UnusedPictures>;
}

/** What a Listener runs for each call of User. From `UserContract` in schema/user.ts. */
export function userDispatch(service: UserService): DispatchTable {
  return dispatchTable(service, [
    entry(SIGN_UP, (request, context) => service.signUp(request, context)),
    entry(SIGN_IN, (request, context) => service.signIn(request, context)),
    entry(SIGN_OUT, (request, context) => service.signOut(request, context)),
    entry(GET_USER_INFO, (request, context) => service.getUserInfo(request, context)),
    entry(UPDATE_NICKNAME, (request, context) => service.updateNickname(request, context)),
    entry(UPDATE_PROFILE_PIC, (request, context) => service.updateProfilePic(request, context)),
    entry(FIND_UNUSED_PICTURES, (request, context) => service.findUnusedPictures(request, context)),
  ]);
}
