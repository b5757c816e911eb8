// @generated from schema/user.ts by `bun run codegen`. Edit the schema, not this file.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import * as schema from "../../schema/user.ts";
import type { Validator } from "../rpc/call.ts";

export interface Credentials {
  /** 4 to 13 code points, NFC: letters and digits of any script, and _ - . */
  readonly username: string;
  /** 4 to 13 printable code points, NFC. */
  readonly password: string;
}

export const Credentials: Validator<Credentials> = TypeCompiler.Compile(schema.Credentials);

export type Empty = Record<string, never>;

export const Empty: Validator<Empty> = TypeCompiler.Compile(schema.Empty);

export interface NicknameUpdate {
  readonly sessionId: string;
  /** 1 to 8 printable code points, NFC, not all white space. */
  readonly nickname: string;
}

export const NicknameUpdate: Validator<NicknameUpdate> = TypeCompiler.Compile(
  schema.NicknameUpdate,
);

export interface Profile {
  readonly username: string;
  readonly nickname: string;
  /** Bare file name of the picture under /avatars/. */
  readonly profilePath: string;
}

export const Profile: Validator<Profile> = TypeCompiler.Compile(schema.Profile);

export interface ProfilePicUpdate {
  readonly sessionId: string;
  /** Bare file name of a picture that is already saved. */
  readonly profilePath: string;
}

export const ProfilePicUpdate: Validator<ProfilePicUpdate> = TypeCompiler.Compile(
  schema.ProfilePicUpdate,
);

export interface SessionRef {
  readonly sessionId: string;
}

export const SessionRef: Validator<SessionRef> = TypeCompiler.Compile(schema.SessionRef);
