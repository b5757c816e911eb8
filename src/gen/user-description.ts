// @generated from schema/user.ts by `bun run codegen`. Edit the schema, not this file.
import * as schema from "../../schema/user.ts";
import type { ServiceDescription } from "./system-messages.ts";

export const USER_DESCRIPTION: ServiceDescription = {
  service: "User",
  methods: [
    {
      name: "signUp",
      number: 1,
      hash: "bdc315f0a6ebcb7b",
      summary: "Create a user.",
      idempotent: false,
      errors: ["UserExistedError"],
      request: schema.Credentials,
      reply: schema.Empty,
    },
    {
      name: "signIn",
      number: 2,
      hash: "6a3aed552ce783b6",
      summary: "Exchange credentials for a session.",
      idempotent: false,
      errors: ["UserNotExistError", "PasswordError"],
      request: schema.Credentials,
      reply: schema.SessionRef,
    },
    {
      name: "signOut",
      number: 3,
      hash: "04566f914689f0b6",
      summary: "End a session.",
      idempotent: false,
      errors: ["InvalidSessionError"],
      request: schema.SessionRef,
      reply: schema.Empty,
    },
    {
      name: "getUserInfo",
      number: 4,
      hash: "0f289ad19517b026",
      summary: "Read the profile that a session belongs to.",
      idempotent: true,
      errors: ["InvalidSessionError", "UserNotExistError"],
      request: schema.SessionRef,
      reply: schema.Profile,
    },
    {
      name: "updateNickname",
      number: 5,
      hash: "70c20f6b5ca27a3e",
      summary: "Change the nickname of the session's user.",
      idempotent: false,
      errors: ["InvalidSessionError", "UserNotExistError"],
      request: schema.NicknameUpdate,
      reply: schema.Empty,
    },
    {
      name: "updateProfilePic",
      number: 6,
      hash: "53092f2efb82cb4a",
      summary: "Point the session's user at a picture that is saved already.",
      idempotent: false,
      errors: ["InvalidSessionError", "UserNotExistError"],
      request: schema.ProfilePicUpdate,
      reply: schema.Empty,
    },
  ],
};
