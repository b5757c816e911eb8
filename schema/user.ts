import { Type } from "@sinclair/typebox";
import {
  AccountData,
  AccountDeletion,
  Client,
  DeletedAccount,
  EndedSessions,
  OtherSessions,
  PasswordChange,
  SessionEnd,
  SessionEnding,
  SessionList,
} from "./account.ts";
import { contract } from "./contract.ts";
import { OwnUsername, Profiled, ProfilePath, SessionId } from "./fields.ts";
import { PICTURE_NAME } from "./picture.ts";
import { Nickname, Password, Username } from "./texts.ts";

export * from "./account.ts";

export const Empty = Type.Object({}, { description: "An empty reply: the method has succeeded." });

export const Credentials = Type.Object(
  { username: Username, password: Password, client: Type.Optional(Client) },
  { description: "The username and password of a user." },
);

export const SessionRef = Type.Object(
  { sessionId: SessionId },
  { description: "A session, by its id." },
);

export const SignedIn = Type.Object(
  {
    sessionId: SessionId,
    deviceId: Type.Optional(
      Type.String({ description: "For the next sign-ins of this browser, if it had none." }),
    ),
  },
  { description: "The session that a sign-in has begun." },
);

export const OwnSession = Type.Object(
  { sessionId: SessionId, client: Type.Optional(Client) },
  { description: "A session, and the browser that has it." },
);

export const Profile = Type.Object(Profiled, { description: "The profile of a user." });

export const NicknameUpdate = Type.Object(
  { sessionId: SessionId, nickname: Nickname, username: Type.Optional(OwnUsername) },
  { description: "The new nickname of the session's user." },
);

export const UpdatedNickname = Type.Object(
  { nickname: Type.String({ description: "The nickname that was saved.", examples: ["Amazing"] }) },
  { description: "The nickname after the update." },
);

export const ProfilePicUpdate = Type.Object(
  {
    sessionId: SessionId,
    profilePath: Type.String({
      pattern: PICTURE_NAME,
      description: "Bare file name of a picture that is already stored.",
      examples: ["0b6b4bb8-7c06-4d3a-9f0c-6b1f0e6d2c11.webp"],
    }),
    username: Type.Optional(OwnUsername),
  },
  { description: "The new picture of the session's user." },
);

export const PictureNames = Type.Object(
  {
    profilePaths: Type.Array(ProfilePath, {
      maxItems: 1000,
      description: "Bare file names of pictures.",
    }),
  },
  { description: "Pictures that may be unused." },
);

export const UnusedPictures = Type.Object(
  { unused: Type.Array(ProfilePath, { description: "The pictures that no profile uses." }) },
  { description: "Pictures that can be removed." },
);

export const UserContract = contract("User", {
  signUp: {
    number: 1,
    summary: "Create a user.",
    request: Credentials,
    reply: Empty,
    errors: ["UserExistedError"],
  },
  signIn: {
    number: 2,
    summary: "Exchange credentials for a session.",
    request: Credentials,
    reply: SignedIn,
    errors: ["UserNotExistError", "PasswordError"],
  },
  signOut: {
    number: 3,
    summary: "End a session.",
    request: OwnSession,
    reply: Empty,
    errors: ["InvalidSessionError"],
  },
  getUserInfo: {
    number: 4,
    summary: "Read the profile that a session belongs to.",
    idempotent: true,
    request: SessionRef,
    reply: Profile,
    errors: ["InvalidSessionError", "UserNotExistError"],
  },
  updateNickname: {
    number: 5,
    summary: "Change the nickname of the session's user.",
    request: NicknameUpdate,
    reply: UpdatedNickname,
    errors: ["InvalidSessionError", "UserNotExistError"],
  },
  updateProfilePic: {
    number: 6,
    summary: "Set the picture of the session's user to one that is already stored.",
    request: ProfilePicUpdate,
    reply: Empty,
    errors: ["InvalidSessionError", "UserNotExistError"],
  },
  listSessions: {
    number: 7,
    summary: "List the sessions of the session's user.",
    idempotent: true,
    request: SessionRef,
    reply: SessionList,
    errors: ["InvalidSessionError"],
  },
  endSession: {
    number: 8,
    summary: "End one session of the session's user.",
    request: SessionEnding,
    reply: SessionEnd,
    errors: ["InvalidSessionError"],
  },
  endOtherSessions: {
    number: 9,
    summary: "End all sessions of the session's user but this one.",
    request: OtherSessions,
    reply: EndedSessions,
    errors: ["InvalidSessionError"],
  },
  changePassword: {
    number: 10,
    summary: "Change the password of the session's user, and end all sessions but a new one.",
    request: PasswordChange,
    reply: SessionRef,
    errors: ["InvalidSessionError", "UserNotExistError", "PasswordError"],
  },
  deleteAccount: {
    number: 11,
    summary: "Delete the session's user.",
    request: AccountDeletion,
    reply: DeletedAccount,
    errors: ["InvalidSessionError", "UserNotExistError", "PasswordError"],
  },
  exportMyData: {
    number: 12,
    summary: "Read everything that is stored about the session's user.",
    idempotent: true,
    request: OwnSession,
    reply: AccountData,
    errors: ["InvalidSessionError", "UserNotExistError"],
  },
  // Numbers from 100 are for maintenance, those below for users.
  findUnusedPictures: {
    number: 100,
    summary: "Find the pictures that no profile uses.",
    idempotent: true,
    request: PictureNames,
    reply: UnusedPictures,
    errors: [],
  },
});
