import { Type } from "@sinclair/typebox";
import { contract } from "./contract.ts";
import { DEFAULT_PROFILE_PATH, PICTURE_NAME } from "./picture.ts";
import { Nickname, Password, Username } from "./texts.ts";

/** A page sends the user that it shows. So a page of another session changes nothing. */
const OwnUsername = Type.String({
  description: "If given, it must be the session's own.",
  examples: ["grace"],
});
const SessionId = Type.String({
  description: "Any string. If it names no session, the answer is InvalidSessionError.",
  examples: ["b0a49a50-5b0b-3c5c-9a2c-2b6d3f4e8a11"],
});
const ProfilePath = Type.String({
  description: "Bare file name of the picture under /avatars/.",
  examples: [DEFAULT_PROFILE_PATH],
});

/** A message so that other services can name it too. Callers that have no browser leave it out. */
export const Client = Type.Object(
  {
    address: Type.String({ description: "The IP address of the browser.", maxLength: 100 }),
    userAgent: Type.Optional(
      Type.String({ description: "The beginning of its User-Agent.", maxLength: 120 }),
    ),
    deviceId: Type.Optional(
      Type.String({ description: "What an earlier sign-in replied as `deviceId`." }),
    ),
    sessionId: Type.Optional(
      Type.String({ description: "The session that the browser has, which a sign-in ends." }),
    ),
  },
  { description: "What the HTTP tier knows of a browser. It never comes from a body." },
);

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

export const EndedSession = Type.Object(
  { sessionId: SessionId, client: Type.Optional(Client) },
  { description: "The session that a sign-out ends." },
);

export const Profile = Type.Object(
  {
    username: Type.String({
      description: "The username of the sign-up, which never changes.",
      examples: ["grace"],
    }),
    nickname: Type.String({
      description: "At first the beginning of the username; the user can change it.",
      examples: ["Amazing"],
    }),
    profilePath: ProfilePath,
  },
  { description: "The profile of a user." },
);

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
    request: EndedSession,
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
