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
 * @typedef {object} SignUpFields
 * @property {string} username 4 to 13 code points, NFC: letters and digits of any script, and _ - .
 * @property {string} password 4 to 13 printable code points, NFC.
 */

/** @type {Endpoint<"", "UserExistedError">} */
const SIGN_UP = {
  method: "POST",
  path: "/api/entrytask/user/signup",
  errors: ["UserExistedError"],
  isData: (data) => data === "",
};

/**
 * @typedef {object} SignInFields
 * @property {string} username 4 to 13 code points, NFC: letters and digits of any script, and _ - .
 * @property {string} password 4 to 13 printable code points, NFC.
 */

/** @type {Endpoint<"", "UserNotExistError" | "PasswordError">} */
const SIGN_IN = {
  method: "POST",
  path: "/api/entrytask/user/signin",
  errors: ["UserNotExistError", "PasswordError"],
  isData: (data) => data === "",
};

/** @type {Endpoint<"", "InvalidSessionError">} */
const SIGN_OUT = {
  method: "POST",
  path: "/api/entrytask/user/signout",
  errors: ["InvalidSessionError"],
  isData: (data) => data === "",
};

/** @typedef {{ username: string, nickname: string, profilePath: string }} GetUserInfoData */

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

/** @type {Endpoint<GetUserInfoData, "InvalidSessionError" | "UserNotExistError">} */
const GET_USER_INFO = {
  method: "GET",
  path: "/api/entrytask/user/get_user_info",
  errors: ["InvalidSessionError", "UserNotExistError"],
  isData: isGetUserInfoData,
};

/**
 * @typedef {object} UpdateNicknameFields
 * @property {string} nickname 1 to 8 printable code points, NFC, not all white space.
 */

/** @typedef {string} UpdateNicknameData */

/**
 * @param {unknown} data
 * @returns {data is UpdateNicknameData}
 */
function isUpdateNicknameData(data) {
  return typeof data === "string";
}

/** @type {Endpoint<UpdateNicknameData, "InvalidSessionError" | "UserNotExistError">} */
const UPDATE_NICKNAME = {
  method: "POST",
  path: "/api/entrytask/user/update_nickname",
  errors: ["InvalidSessionError", "UserNotExistError"],
  isData: isUpdateNicknameData,
};

/** @typedef {{ profilePath: string }} UpdateProfilePicData */

/**
 * @param {unknown} data
 * @returns {data is UpdateProfilePicData}
 */
function isUpdateProfilePicData(data) {
  return isObject(data) && typeof data.profilePath === "string";
}

/** @type {Endpoint<UpdateProfilePicData, "InvalidSessionError" | "UserNotExistError">} */
const UPDATE_PROFILE_PIC = {
  method: "POST",
  path: "/api/entrytask/user/update_profile_pic",
  errors: ["InvalidSessionError", "UserNotExistError"],
  isData: isUpdateProfilePicData,
};

/** Each function resolves to a result that is told by its tag, and never rejects. */
export const api = {
  /**
   * Create a user.
   * `POST /api/entrytask/user/signup`, from signUp in schema/http-api.ts.
   *
   * @param {SignUpFields} fields
   * @param {CallOptions} [options]
   */
  signUp: (fields, options) => callApi(SIGN_UP, fields, options),

  /**
   * Exchange credentials for a session.
   * `POST /api/entrytask/user/signin`, from signIn in schema/http-api.ts.
   *
   * @param {SignInFields} fields
   * @param {CallOptions} [options]
   */
  signIn: (fields, options) => callApi(SIGN_IN, fields, options),

  /**
   * End a session.
   * `POST /api/entrytask/user/signout`, from signOut in schema/http-api.ts.
   *
   * @param {CallOptions} [options]
   */
  signOut: (options) => callApi(SIGN_OUT, undefined, options),

  /**
   * Read the profile that a session belongs to.
   * `GET /api/entrytask/user/get_user_info`, from getUserInfo in schema/http-api.ts.
   *
   * @param {CallOptions} [options]
   */
  getUserInfo: (options) => callApi(GET_USER_INFO, undefined, options),

  /**
   * Change the nickname of the session's user.
   * `POST /api/entrytask/user/update_nickname`, from updateNickname in schema/http-api.ts.
   *
   * @param {UpdateNicknameFields} fields
   * @param {CallOptions} [options]
   */
  updateNickname: (fields, options) => callApi(UPDATE_NICKNAME, fields, options),

  /**
   * Upload a picture and show it as the user's.
   * `POST /api/entrytask/user/update_profile_pic`, from updateProfilePic in schema/http-api.ts.
   *
   * @param {FormData} form
   * @param {CallOptions} [options]
   */
  updateProfilePic: (form, options) => callApi(UPDATE_PROFILE_PIC, form, options),
};
