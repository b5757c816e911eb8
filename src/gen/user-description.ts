// @generated from schema/user.ts by `bun run codegen`. Edit the schema, not this file.
import * as schema from "../../schema/user.ts";
import type { ServiceDescription } from "./system-messages.ts";

/** What a server says that User offers. From `UserContract` in schema/user.ts. */
export const USER_DESCRIPTION: ServiceDescription = {
  service: "User",
  methods: [
    {
      name: "signUp",
      number: 1,
      hash: "103c4ca7c1529b34",
      summary: "Create a user.",
      idempotent: false,
      errors: ["UserExistedError"],
      request: schema.Credentials,
      reply: schema.Empty,
    },
    {
      name: "signIn",
      number: 2,
      hash: "d3a7a096dc629489",
      summary: "Exchange credentials for a session.",
      idempotent: false,
      errors: ["UserNotExistError", "PasswordError"],
      request: schema.Credentials,
      reply: schema.SessionRef,
    },
    {
      name: "signOut",
      number: 3,
      hash: "d77e148675261f2c",
      summary: "End a session.",
      idempotent: false,
      errors: ["InvalidSessionError"],
      request: schema.SessionRef,
      reply: schema.Empty,
    },
    {
      name: "getUserInfo",
      number: 4,
      hash: "d59a64f93975b937",
      summary: "Read the profile that a session belongs to.",
      idempotent: true,
      errors: ["InvalidSessionError", "UserNotExistError"],
      request: schema.SessionRef,
      reply: schema.Profile,
    },
    {
      name: "updateNickname",
      number: 5,
      hash: "ec8ee79e01196205",
      summary: "Change the nickname of the session's user.",
      idempotent: false,
      errors: ["InvalidSessionError", "UserNotExistError"],
      request: schema.NicknameUpdate,
      reply: schema.Empty,
    },
    {
      name: "updateProfilePic",
      number: 6,
      hash: "5d7e6d6f57c9ab54",
      summary: "Point the session's user at a picture that is saved already.",
      idempotent: false,
      errors: ["InvalidSessionError", "UserNotExistError"],
      request: schema.ProfilePicUpdate,
      reply: schema.Empty,
    },
  ],
};
