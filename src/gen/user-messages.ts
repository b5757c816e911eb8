// @generated from schema/user.ts by `bun run codegen`. Edit the schema, not this file.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import * as schema from "../../schema/user.ts";
import type { Validator } from "../rpc/method.ts";

/** What a user signs up and signs in with. From `Credentials` in schema/user.ts. */
export interface Credentials {
  /** 4 to 13 code points, NFC: letters and digits of any script, and _ - . */
  readonly username: string;
  /** 4 to 13 printable code points, NFC. */
  readonly password: string;
}

/** The check of `Credentials` in schema/user.ts. */
export const Credentials: Validator<Credentials> = TypeCompiler.Compile(schema.Credentials);

/** It was done, and there is no more to say. From `Empty` in schema/user.ts. */
export type Empty = Record<string, never>;

/** The check of `Empty` in schema/user.ts. */
export const Empty: Validator<Empty> = TypeCompiler.Compile(schema.Empty);

/** The nickname that the session's user wants. From `NicknameUpdate` in schema/user.ts. */
export interface NicknameUpdate {
  /** Any string: one that names no session is answered with InvalidSessionError. */
  readonly sessionId: string;
  /** 1 to 8 printable code points, NFC, one of which can be seen. */
  readonly nickname: string;
  /** If given, it must be the session's own. */
  readonly username?: string;
}

/** The check of `NicknameUpdate` in schema/user.ts. */
export const NicknameUpdate: Validator<NicknameUpdate> = TypeCompiler.Compile(
  schema.NicknameUpdate,
);

/** Pictures that may be unused. From `PictureNames` in schema/user.ts. */
export interface PictureNames {
  /** Bare file names of pictures. */
  readonly profilePaths: readonly string[];
}

/** The check of `PictureNames` in schema/user.ts. */
export const PictureNames: Validator<PictureNames> = TypeCompiler.Compile(schema.PictureNames);

/** What users see of themselves. From `Profile` in schema/user.ts. */
export interface Profile {
  /** The one of the sign-up: it never changes. */
  readonly username: string;
  /** The beginning of the username until the user chooses another. */
  readonly nickname: string;
  /** Bare file name of the picture under /avatars/. */
  readonly profilePath: string;
}

/** The check of `Profile` in schema/user.ts. */
export const Profile: Validator<Profile> = TypeCompiler.Compile(schema.Profile);

/** The picture that the session's user wants. From `ProfilePicUpdate` in schema/user.ts. */
export interface ProfilePicUpdate {
  /** Any string: one that names no session is answered with InvalidSessionError. */
  readonly sessionId: string;
  /** Bare file name of a picture that is already saved. */
  readonly profilePath: string;
  /** If given, it must be the session's own. */
  readonly username?: string;
}

/** The check of `ProfilePicUpdate` in schema/user.ts. */
export const ProfilePicUpdate: Validator<ProfilePicUpdate> = TypeCompiler.Compile(
  schema.ProfilePicUpdate,
);

/** The session that a sign-in has opened. From `SessionRef` in schema/user.ts. */
export interface SessionRef {
  /** Any string: one that names no session is answered with InvalidSessionError. */
  readonly sessionId: string;
}

/** The check of `SessionRef` in schema/user.ts. */
export const SessionRef: Validator<SessionRef> = TypeCompiler.Compile(schema.SessionRef);

/** What may be removed. From `UnusedPictures` in schema/user.ts. */
export interface UnusedPictures {
  /** Those that no user shows. */
  readonly unused: readonly string[];
}

/** The check of `UnusedPictures` in schema/user.ts. */
export const UnusedPictures: Validator<UnusedPictures> = TypeCompiler.Compile(
  schema.UnusedPictures,
);
