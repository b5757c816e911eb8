import { FormatRegistry, Type } from "@sinclair/typebox";
import { contract } from "./contract.ts";
import { DEFAULT_PROFILE_PATH, PICTURE_NAME } from "./picture.ts";

// Lengths are in code points, and names are stored and compared in NFC. TypeBox's `minLength`
// counts UTF-16 units and its `pattern` compiles without the `u` flag, so each text is a format,
// and `unicodePattern` is what it takes. `documented` says the same in OpenAPI, where programs make
// texts of it: they know lengths and a few properties of Unicode, and go by a `not` to check only.
//
// A letter of many scripts (Devanagari, Thai, …) is written with marks, which have no other place
// in a username than behind a letter. What shows nothing of itself (variation selectors, fillers)
// would make two names that look alike.
const USERNAME_CHARACTERS = "(?:\\p{L}\\p{M}*|\\p{Nd}|[_.-])+$";
const IGNORABLE = "\\p{Default_Ignorable_Code_Point}";
// Printable. Joiners and variation selectors pass: they are part of emoji.
const PRINTABLE = "[^\\p{Cc}\\p{Cn}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Bidi_Control}]";
/** The same without `Cn` and `Cs`, which are ever so many. */
const CONTROLS =
  "\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069";
const UNASSIGNED = "[\\p{Cn}\\p{Cs}]";
/** Nobody sees them. The last ones are letters and symbols whose glyphs are blank. */
const INVISIBLE = `\\p{White_Space}${IGNORABLE}\\p{Cf}\\u2800\\u{1d159}\\u{13441}\\u{13442}`;

/** How many code points the texts of users have, after NFC normalisation. */
export const USERNAME_LENGTH = { min: 4, max: 13 };
export const PASSWORD_LENGTH = { min: 4, max: 13 };
export const NICKNAME_LENGTH = { min: 1, max: 8 };

interface TextRule {
  readonly format: string;
  readonly min: number;
  readonly max: number;
  /** Of the whole text, given its lengths. */
  readonly pattern: (lengths: string) => string;
  /** With the lengths, it takes just what `pattern` takes. */
  readonly documented: { readonly pattern: string; readonly not: string };
  readonly rule: string;
  readonly example: string;
}

/** A text that people choose: a format, and what JSON Schema can say of it. */
function chosenText({ format, min, max, pattern, documented, rule, example }: TextRule) {
  const unicodePattern = pattern(`{${min},${max}}`);
  const regExp = new RegExp(unicodePattern, "u");
  FormatRegistry.Set(format, (text) => regExp.test(text) && text === text.normalize("NFC"));
  return Type.String({
    format,
    unicodePattern,
    documented: { minLength: min, maxLength: max, ...documented },
    examples: [example],
    description: `${min} to ${max} ${rule}`,
  });
}

const Username = chosenText({
  format: "username",
  ...USERNAME_LENGTH,
  pattern: (lengths) => `^(?=.${lengths}$)(?!.*${IGNORABLE})${USERNAME_CHARACTERS}`,
  documented: { pattern: `^${USERNAME_CHARACTERS}`, not: IGNORABLE },
  rule: "code points, NFC: letters and digits of any script, and _ - .",
  example: "grace",
});
const Password = chosenText({
  format: "password",
  ...PASSWORD_LENGTH,
  pattern: (lengths) => `^${PRINTABLE}${lengths}$`,
  documented: { pattern: `^[^${CONTROLS}]*$`, not: UNASSIGNED },
  rule: "printable code points, NFC.",
  example: "hopper1906",
});
const Nickname = chosenText({
  format: "nickname",
  ...NICKNAME_LENGTH,
  pattern: (lengths) => `^(?=.*[^${INVISIBLE}])${PRINTABLE}${lengths}$`,
  documented: { pattern: `^[^${CONTROLS}]*$`, not: `${UNASSIGNED}|^[${INVISIBLE}]*$` },
  rule: "printable code points, NFC, one of which can be seen.",
  example: "Amazing",
});
/** By it a page that another user has loaded changes nothing. */
const OwnUsername = Type.String({
  description: "If given, it must be the session's own.",
  examples: ["grace"],
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
  { sessionId: SessionId, nickname: Nickname, username: Type.Optional(OwnUsername) },
  { description: "The nickname that the session's user wants." },
);

export const UpdatedNickname = Type.Object(
  { nickname: Type.String({ description: "The nickname that was saved.", examples: ["Amazing"] }) },
  { description: "The nickname of the session's user after the update." },
);

export const ProfilePicUpdate = Type.Object(
  {
    sessionId: SessionId,
    profilePath: Type.String({
      pattern: PICTURE_NAME,
      description: "Bare file name of a picture that is already saved.",
      examples: ["0b6b4bb8-7c06-4d3a-9f0c-6b1f0e6d2c11.webp"],
    }),
    username: Type.Optional(OwnUsername),
  },
  { description: "The picture that the session's user wants." },
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
  { unused: Type.Array(ProfilePath, { description: "Those that no user shows." }) },
  { description: "What may be removed." },
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
    reply: UpdatedNickname,
    errors: ["InvalidSessionError", "UserNotExistError"],
  },
  updateProfilePic: {
    number: 6,
    summary: "Point the session's user at a picture that is saved already.",
    request: ProfilePicUpdate,
    reply: Empty,
    errors: ["InvalidSessionError", "UserNotExistError"],
  },
  // Numbers from 100 on are for upkeep: those below are left for what users do.
  findUnusedPictures: {
    number: 100,
    summary: "Say which of these pictures no user shows.",
    idempotent: true,
    request: PictureNames,
    reply: UnusedPictures,
    errors: [],
  },
});
