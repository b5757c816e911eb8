import { FormatRegistry, Type } from "@sinclair/typebox";
import { contract } from "./contract.ts";

/** The picture of a user who has not uploaded one. */
export const DEFAULT_PROFILE_PATH = "default.webp";

// Lengths are in code points, and names are stored and compared in NFC. TypeBox's `minLength`
// counts UTF-16 units and its `pattern` compiles without the `u` flag, so each text is a format.
// For others, who read JSON Schema as it is meant, `unicodePattern` is emitted as the `pattern`.
//
// A letter of many scripts (Devanagari, Thai, …) is written with marks, which have no other place
// in a username than behind a letter. What shows nothing of itself (variation selectors, fillers)
// would make two names that look alike.
const USERNAME =
  /^(?=.{4,13}$)(?!.*\p{Default_Ignorable_Code_Point})(?:\p{L}\p{M}*|\p{Nd}|[_.-])+$/u;
// Printable. Joiners and variation selectors pass: they are part of emoji.
const PRINTABLE = "[^\\p{Cc}\\p{Cn}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Bidi_Control}]";
const PASSWORD = new RegExp(`^${PRINTABLE}{4,13}$`, "u");
const NICKNAME = new RegExp(`^(?=.*\\P{White_Space})${PRINTABLE}{1,8}$`, "u");

for (const [format, pattern] of Object.entries({
  username: USERNAME,
  password: PASSWORD,
  nickname: NICKNAME,
})) {
  FormatRegistry.Set(format, (text) => pattern.test(text) && text === text.normalize("NFC"));
}

const Username = Type.String({
  format: "username",
  unicodePattern: USERNAME.source,
  examples: ["grace"],
  description: "4 to 13 code points, NFC: letters and digits of any script, and _ - .",
});
const Password = Type.String({
  format: "password",
  unicodePattern: PASSWORD.source,
  examples: ["hopper1906"],
  description: "4 to 13 printable code points, NFC.",
});
const Nickname = Type.String({
  format: "nickname",
  unicodePattern: NICKNAME.source,
  examples: ["Amazing"],
  description: "1 to 8 printable code points, NFC, not all white space.",
});
const SessionId = Type.String({
  description: "Any string: one that names no session is answered with InvalidSessionError.",
  examples: ["b0a49a50-5b0b-3c5c-9a2c-2b6d3f4e8a11"],
});
const ProfilePath = Type.String({
  description: "Bare file name of the picture under /avatars/.",
  examples: [DEFAULT_PROFILE_PATH],
});

export const Empty = Type.Object({}, { description: "It was done, and there is no more to say." });

export const Credentials = Type.Object(
  { username: Username, password: Password },
  { description: "What a user signs up and signs in with." },
);

export const SessionRef = Type.Object(
  { sessionId: SessionId },
  { description: "The session that a sign-in has opened." },
);

export const Profile = Type.Object(
  {
    username: Type.String({
      description: "The one of the sign-up: it never changes.",
      examples: ["grace"],
    }),
    nickname: Type.String({
      description: "The beginning of the username until the user chooses another.",
      examples: ["Amazing"],
    }),
    profilePath: ProfilePath,
  },
  { description: "What users see of themselves." },
);

export const NicknameUpdate = Type.Object(
  { sessionId: SessionId, nickname: Nickname },
  { description: "The nickname that the session's user wants." },
);

export const ProfilePicUpdate = Type.Object(
  {
    sessionId: SessionId,
    profilePath: Type.String({
      pattern: "^[A-Za-z0-9_-]{1,100}\\.webp$",
      description: "Bare file name of a picture that is already saved.",
      examples: ["0b6b4bb8-7c06-4d3a-9f0c-6b1f0e6d2c11.webp"],
    }),
  },
  { description: "The picture that the session's user wants." },
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
    reply: SessionRef,
    errors: ["UserNotExistError", "PasswordError"],
  },
  signOut: {
    number: 3,
    summary: "End a session.",
    request: SessionRef,
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
    reply: Empty,
    errors: ["InvalidSessionError", "UserNotExistError"],
  },
  updateProfilePic: {
    number: 6,
    summary: "Point the session's user at a picture that is saved already.",
    request: ProfilePicUpdate,
    reply: Empty,
    errors: ["InvalidSessionError", "UserNotExistError"],
  },
});
