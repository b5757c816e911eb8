// @generated from schema/http-api.ts by `bun run codegen`. Edit the schema, not this file.
import { callApi, isObject } from "./call-api.js";

/** @import { CallOptions, Endpoint } from "./call-api.js" */

/**
 * @typedef {"UserExistedError"
 *   | "UserNotExistError"
 *   | "PasswordError"
 *   | "InvalidSessionError"} DeclaredError
 */

/**
 * What signUp takes. From `signUp` in schema/http-api.ts.
 *
 * @typedef {object} SignUpFields
 * @property {string} username 4 to 13 code points, NFC: letters and digits of any script, and _ - .
 * @property {string} password 4 to 13 printable code points, NFC.
 */

/**
 * From `signUp` in schema/http-api.ts.
 *
 * @type {Endpoint<"", "UserExistedError">}
 */
const SIGN_UP = {
  method: "POST",
  path: "/api/entrytask/user/signup",
  errors: ["UserExistedError"],
  isData: (data) => data === "",
};

/**
 * What signIn takes. From `signIn` in schema/http-api.ts.
 *
 * @typedef {object} SignInFields
 * @property {string} username 4 to 13 code points, NFC: letters and digits of any script, and _ - .
 * @property {string} password 4 to 13 printable code points, NFC.
 */

/**
 * From `signIn` in schema/http-api.ts.
 *
 * @type {Endpoint<"", "UserNotExistError" | "PasswordError">}
 */
const SIGN_IN = {
  method: "POST",
  path: "/api/entrytask/user/signin",
  errors: ["UserNotExistError", "PasswordError"],
  isData: (data) => data === "",
};

/**
 * From `signOut` in schema/http-api.ts.
 *
 * @type {Endpoint<"", "InvalidSessionError">}
 */
const SIGN_OUT = {
  method: "POST",
  path: "/api/entrytask/user/signout",
  errors: ["InvalidSessionError"],
  isData: (data) => data === "",
};

/**
 * What getUserInfo answers. From `getUserInfo` in schema/http-api.ts.
 *
 * @typedef {{ username: string, nickname: string, profilePath: string }} GetUserInfoData
 */

/**
 * @param {unknown} data
 * @returns {data is GetUserInfoData}
 */
function isGetUserInfoData(data) {
  return (
    isObject(data) &&
    typeof data.username === "string" &&
    typeof data.nickname === "string" &&
    typeof data.profilePath === "string"
  );
}

/**
 * From `getUserInfo` in schema/http-api.ts.
 *
 * @type {Endpoint<GetUserInfoData, "InvalidSessionError" | "UserNotExistError">}
 */
const GET_USER_INFO = {
  method: "GET",
  path: "/api/entrytask/user/get_user_info",
  errors: ["InvalidSessionError", "UserNotExistError"],
  isData: isGetUserInfoData,
};

/**
 * What updateNickname takes. From `updateNickname` in schema/http-api.ts.
 *
 * @typedef {object} UpdateNicknameFields
 * @property {string} nickname 1 to 8 printable code points, NFC, one of which can be seen.
 * @property {string} [username] If given, it must be the session's own.
 */

/**
 * What updateNickname answers. From `updateNickname` in schema/http-api.ts.
 *
 * @typedef {string} UpdateNicknameData
 */

/**
 * @param {unknown} data
 * @returns {data is UpdateNicknameData}
 */
function isUpdateNicknameData(data) {
  return typeof data === "string";
}

/**
 * From `updateNickname` in schema/http-api.ts.
 *
 * @type {Endpoint<UpdateNicknameData, "InvalidSessionError" | "UserNotExistError">}
 */
const UPDATE_NICKNAME = {
  method: "POST",
  path: "/api/entrytask/user/update_nickname",
  errors: ["InvalidSessionError", "UserNotExistError"],
  isData: isUpdateNicknameData,
};

/**
 * What updateProfilePic takes. From `updateProfilePic` in schema/http-api.ts.
 *
 * @typedef {object} UpdateProfilePicFields
 * @property {Blob} profilePic A JPEG, PNG, WebP, GIF or AVIF of at most 8 MiB and 64 megapixels (AVIF: 32).
 * @property {string} [username] If given, it must be the session's own.
 */

/**
 * What updateProfilePic answers. From `updateProfilePic` in schema/http-api.ts.
 *
 * @typedef {{ profilePath: string }} UpdateProfilePicData
 */

/**
 * @param {unknown} data
 * @returns {data is UpdateProfilePicData}
 */
function isUpdateProfilePicData(data) {
  return isObject(data) && typeof data.profilePath === "string";
}

/**
 * From `updateProfilePic` in schema/http-api.ts.
 *
 * @type {Endpoint<UpdateProfilePicData, "InvalidSessionError" | "UserNotExistError">}
 */
const UPDATE_PROFILE_PIC = {
  method: "POST",
  path: "/api/entrytask/user/update_profile_pic",
  isMultipart: true,
  errors: ["InvalidSessionError", "UserNotExistError"],
  isData: isUpdateProfilePicData,
};

/** Each function resolves to a result with a tag, and never rejects. */
export const api = {
  /**
   * Create a user.
   * `POST /api/entrytask/user/signup` From `signUp` in schema/http-api.ts.
   *
   * @param {SignUpFields} fields
   * @param {CallOptions} [options]
   */
  signUp: (fields, options) => callApi(SIGN_UP, fields, options),

  /**
   * Exchange credentials for a session.
   * `POST /api/entrytask/user/signin` From `signIn` in schema/http-api.ts.
   *
   * @param {SignInFields} fields
   * @param {CallOptions} [options]
   */
  signIn: (fields, options) => callApi(SIGN_IN, fields, options),

  /**
   * End a session.
   * `POST /api/entrytask/user/signout` From `signOut` in schema/http-api.ts.
   *
   * @param {CallOptions} [options]
   */
  signOut: (options) => callApi(SIGN_OUT, undefined, options),

  /**
   * Read the profile that a session belongs to.
   * `GET /api/entrytask/user/get_user_info` From `getUserInfo` in schema/http-api.ts.
   *
   * @param {CallOptions} [options]
   */
  getUserInfo: (options) => callApi(GET_USER_INFO, undefined, options),

  /**
   * Change the nickname of the session's user.
   * `POST /api/entrytask/user/update_nickname` From `updateNickname` in schema/http-api.ts.
   *
   * @param {UpdateNicknameFields} fields
   * @param {CallOptions} [options]
   */
  updateNickname: (fields, options) => callApi(UPDATE_NICKNAME, fields, options),

  /**
   * Upload the picture of the session's user.
   * `POST /api/entrytask/user/update_profile_pic` From `updateProfilePic` in schema/http-api.ts.
   *
   * @param {UpdateProfilePicFields} fields
   * @param {CallOptions} [options]
   */
  updateProfilePic: (fields, options) => callApi(UPDATE_PROFILE_PIC, fields, options),
};
