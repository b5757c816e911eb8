import { Type } from "@sinclair/typebox";
import type { HttpApi } from "./endpoint.ts";
import { PICTURE_LIMITS } from "./picture.ts";
import { ProfilePicUpdate } from "./user.ts";

const USER = "/api/entrytask/user";

/** The name of the cookie that holds the session. */
export const SESSION_COOKIE = "sessionID";
/** The limit of X-Error-Detail. */
export const MAX_DETAIL_CHARACTERS = 200;

/** The form of an upload. */
export const PictureForm = Type.Object({
  profilePic: Type.Unsafe<Blob>({
    type: "string",
    contentMediaType: "application/octet-stream",
    minLength: 1,
    description: `A JPEG, PNG, WebP, GIF or AVIF of ${PICTURE_LIMITS}.`,
  }),
  username: ProfilePicUpdate.properties.username,
});

/** The name of the uploaded picture. */
export const PicturePath = Type.Pick(ProfilePicUpdate, ["profilePath"]);

/** Every endpoint of the HTTP API. Pages and their files are in src/http/routes.ts. */
export const HTTP_API: HttpApi = {
  signUp: { path: `${USER}/signup`, methods: ["POST"], calls: "User.signUp", changesState: true },
  signIn: { path: `${USER}/signin`, methods: ["POST"], calls: "User.signIn", changesState: true },
  signOut: {
    path: `${USER}/signout`,
    methods: ["POST", "GET"],
    calls: "User.signOut",
    changesState: true,
    endsSession: true,
  },
  getUserInfo: {
    path: `${USER}/get_user_info`,
    methods: ["GET"],
    calls: "User.getUserInfo",
    changesState: false,
  },
  updateNickname: {
    path: `${USER}/update_nickname`,
    methods: ["POST"],
    calls: "User.updateNickname",
    changesState: true,
    returns: "nickname",
  },
  listSessions: {
    path: `${USER}/sessions`,
    methods: ["GET"],
    calls: "User.listSessions",
    changesState: false,
    returns: "sessions",
  },
  endSession: {
    path: `${USER}/end_session`,
    methods: ["POST"],
    calls: "User.endSession",
    changesState: true,
    endsSession: "current",
  },
  endOtherSessions: {
    path: `${USER}/end_other_sessions`,
    methods: ["POST"],
    calls: "User.endOtherSessions",
    changesState: true,
    returns: "ended",
  },
  changePassword: {
    path: `${USER}/change_password`,
    methods: ["POST"],
    calls: "User.changePassword",
    changesState: true,
  },
  deleteAccount: {
    path: `${USER}/delete_account`,
    methods: ["POST"],
    calls: "User.deleteAccount",
    changesState: true,
    endsSession: true,
    unusedPicture: "profilePath",
  },
  exportMyData: {
    path: `${USER}/export_my_data`,
    methods: ["GET"],
    calls: "User.exportMyData",
    changesState: false,
  },
  updateProfilePic: {
    path: `${USER}/update_profile_pic`,
    methods: ["POST"],
    summary: "Upload the picture of the session's user.",
    tag: "User",
    changesState: true,
    session: true,
    form: PictureForm,
    data: PicturePath,
    errors: ["InvalidSessionError", "UserNotExistError"],
  },
  showPicture: {
    path: "/avatars/:name",
    methods: ["GET"],
    summary: "Show a picture by the profilePath of its user.",
    tag: "User",
    changesState: false,
    file: "image/webp",
    errors: [],
  },
};
