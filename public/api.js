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
 * What listSessions answers. From `listSessions` in schema/http-api.ts.
 *
 * @typedef {readonly ({ id: string, current: boolean, createdAt: string, expiresAt: string, device: string, address: string })[]} ListSessionsData
 */

/**
 * @param {unknown} data
 * @returns {data is ListSessionsData}
 */
function isListSessionsData(data) {
  return (
    Array.isArray(data) &&
    data.every(
      (item) =>
        isObject(item) &&
        typeof item.id === "string" &&
        typeof item.current === "boolean" &&
        typeof item.createdAt === "string" &&
        typeof item.expiresAt === "string" &&
        typeof item.device === "string" &&
        typeof item.address === "string",
    )
  );
}

/**
 * From `listSessions` in schema/http-api.ts.
 *
 * @type {Endpoint<ListSessionsData, "InvalidSessionError">}
 */
const LIST_SESSIONS = {
  method: "GET",
  path: "/api/entrytask/user/sessions",
  errors: ["InvalidSessionError"],
  isData: isListSessionsData,
};

/**
 * What endSession takes. From `endSession` in schema/http-api.ts.
 *
 * @typedef {object} EndSessionFields
 * @property {string} id must be the id of one of your sessions
 * @property {string} [username] If given, it must be the session's own.
 */

/**
 * From `endSession` in schema/http-api.ts.
 *
 * @type {Endpoint<"", "InvalidSessionError">}
 */
const END_SESSION = {
  method: "POST",
  path: "/api/entrytask/user/end_session",
  errors: ["InvalidSessionError"],
  isData: (data) => data === "",
};

/**
 * What endOtherSessions takes. From `endOtherSessions` in schema/http-api.ts.
 *
 * @typedef {object} EndOtherSessionsFields
 * @property {string} [username] If given, it must be the session's own.
 */

/**
 * What endOtherSessions answers. From `endOtherSessions` in schema/http-api.ts.
 *
 * @typedef {number} EndOtherSessionsData
 */

/**
 * @param {unknown} data
 * @returns {data is EndOtherSessionsData}
 */
function isEndOtherSessionsData(data) {
  return typeof data === "number";
}

/**
 * From `endOtherSessions` in schema/http-api.ts.
 *
 * @type {Endpoint<EndOtherSessionsData, "InvalidSessionError">}
 */
const END_OTHER_SESSIONS = {
  method: "POST",
  path: "/api/entrytask/user/end_other_sessions",
  errors: ["InvalidSessionError"],
  isData: isEndOtherSessionsData,
};

/**
 * What changePassword takes. From `changePassword` in schema/http-api.ts.
 *
 * @typedef {object} ChangePasswordFields
 * @property {string} oldPassword 4 to 13 printable code points, NFC.
 * @property {string} newPassword 4 to 13 printable code points, NFC.
 * @property {string} [username] If given, it must be the session's own.
 */

/**
 * From `changePassword` in schema/http-api.ts.
 *
 * @type {Endpoint<"", "InvalidSessionError" | "UserNotExistError" | "PasswordError">}
 */
const CHANGE_PASSWORD = {
  method: "POST",
  path: "/api/entrytask/user/change_password",
  errors: ["InvalidSessionError", "UserNotExistError", "PasswordError"],
  isData: (data) => data === "",
};

/**
 * What deleteAccount takes. From `deleteAccount` in schema/http-api.ts.
 *
 * @typedef {object} DeleteAccountFields
 * @property {string} password 4 to 13 printable code points, NFC.
 * @property {string} [username] If given, it must be the session's own.
 */

/**
 * From `deleteAccount` in schema/http-api.ts.
 *
 * @type {Endpoint<"", "InvalidSessionError" | "UserNotExistError" | "PasswordError">}
 */
const DELETE_ACCOUNT = {
  method: "POST",
  path: "/api/entrytask/user/delete_account",
  errors: ["InvalidSessionError", "UserNotExistError", "PasswordError"],
  isData: (data) => data === "",
};

/**
 * What exportMyData answers. From `exportMyData` in schema/http-api.ts.
 *
 * @typedef {{ username: string, nickname: string, profilePath: string, createdAt: string, modifiedAt: string, sessions: readonly ({ id: string, current: boolean, createdAt: string, expiresAt: string, device: string, address: string })[] }} ExportMyDataData
 */

/**
 * @param {unknown} data
 * @returns {data is ExportMyDataData}
 */
function isExportMyDataData(data) {
  return (
    isObject(data) &&
    typeof data.username === "string" &&
    typeof data.nickname === "string" &&
    typeof data.profilePath === "string" &&
    typeof data.createdAt === "string" &&
    typeof data.modifiedAt === "string" &&
    Array.isArray(data.sessions) &&
    data.sessions.every(
      (item) =>
        isObject(item) &&
        typeof item.id === "string" &&
        typeof item.current === "boolean" &&
        typeof item.createdAt === "string" &&
        typeof item.expiresAt === "string" &&
        typeof item.device === "string" &&
        typeof item.address === "string",
    )
  );
}

/**
 * From `exportMyData` in schema/http-api.ts.
 *
 * @type {Endpoint<ExportMyDataData, "InvalidSessionError" | "UserNotExistError">}
 */
const EXPORT_MY_DATA = {
  method: "GET",
  path: "/api/entrytask/user/export_my_data",
  errors: ["InvalidSessionError", "UserNotExistError"],
  isData: isExportMyDataData,
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
   * List the sessions of the session's user.
   * `GET /api/entrytask/user/sessions` From `listSessions` in schema/http-api.ts.
   *
   * @param {CallOptions} [options]
   */
  listSessions: (options) => callApi(LIST_SESSIONS, undefined, options),

  /**
   * End one session of the session's user.
   * `POST /api/entrytask/user/end_session` From `endSession` in schema/http-api.ts.
   *
   * @param {EndSessionFields} fields
   * @param {CallOptions} [options]
   */
  endSession: (fields, options) => callApi(END_SESSION, fields, options),

  /**
   * End all sessions of the session's user but this one.
   * `POST /api/entrytask/user/end_other_sessions` From `endOtherSessions` in schema/http-api.ts.
   *
   * @param {EndOtherSessionsFields} fields
   * @param {CallOptions} [options]
   */
  endOtherSessions: (fields, options) => callApi(END_OTHER_SESSIONS, fields, options),

  /**
   * Change the password of the session's user, and end all sessions but a new one.
   * `POST /api/entrytask/user/change_password` From `changePassword` in schema/http-api.ts.
   *
   * @param {ChangePasswordFields} fields
   * @param {CallOptions} [options]
   */
  changePassword: (fields, options) => callApi(CHANGE_PASSWORD, fields, options),

  /**
   * Delete the session's user.
   * `POST /api/entrytask/user/delete_account` From `deleteAccount` in schema/http-api.ts.
   *
   * @param {DeleteAccountFields} fields
   * @param {CallOptions} [options]
   */
  deleteAccount: (fields, options) => callApi(DELETE_ACCOUNT, fields, options),

  /**
   * Read everything that is stored about the session's user.
   * `GET /api/entrytask/user/export_my_data` From `exportMyData` in schema/http-api.ts.
   *
   * @param {CallOptions} [options]
   */
  exportMyData: (options) => callApi(EXPORT_MY_DATA, undefined, options),

  /**
   * Upload the picture of the session's user.
   * `POST /api/entrytask/user/update_profile_pic` From `updateProfilePic` in schema/http-api.ts.
   *
   * @param {UpdateProfilePicFields} fields
   * @param {CallOptions} [options]
   */
  updateProfilePic: (fields, options) => callApi(UPDATE_PROFILE_PIC, fields, options),
};
