import { Type } from "@sinclair/typebox";
import { DEFAULT_PROFILE_PATH } from "./picture.ts";

// Fields that several messages have.

/** A page sends the user that it shows. So a page of another session changes nothing. */
export const OwnUsername = Type.String({
  description: "If given, it must be the session's own.",
  examples: ["grace"],
});
export const SessionId = Type.String({
  description: "Any string. If it names no session, the answer is InvalidSessionError.",
  examples: ["b0a49a50-5b0b-3c5c-9a2c-2b6d3f4e8a11"],
});
export const ProfilePath = Type.String({
  description: "Bare file name of the picture under /avatars/.",
  examples: [DEFAULT_PROFILE_PATH],
});
export const Profiled = {
  username: Type.String({
    description: "The username of the sign-up, which never changes.",
    examples: ["grace"],
  }),
  nickname: Type.String({
    description: "At first the beginning of the username; the user can change it.",
    examples: ["Amazing"],
  }),
  profilePath: ProfilePath,
};
