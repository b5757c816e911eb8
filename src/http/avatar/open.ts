import type { Log } from "../../rpc/log.ts";
import { AvatarBucket, type BucketAccess, CertificateError } from "./bucket.ts";
import { AvatarFolder } from "./folder.ts";
import type { AvatarStore } from "./store.ts";

/** The variable that is wrong if S3 answers the first request with this error code. */
const VARIABLE_BY_S3_ERROR: Readonly<Record<string, string>> = {
  NoSuchBucket: "AVATAR_URL",
  InvalidAccessKeyId: "S3_ACCESS_KEY_ID",
  SignatureDoesNotMatch: "S3_SECRET_ACCESS_KEY",
  AuthorizationQueryParametersError: "S3_REGION",
  InvalidToken: "AWS_SESSION_TOKEN, which Bun reads",
  ExpiredToken: "AWS_SESSION_TOKEN, which Bun reads",
  PermanentRedirect: "S3_REGION",
  TemporaryRedirect: "S3_REGION",
  AccessDenied: "S3_ACCESS_KEY_ID: it needs the right to list and read the bucket of AVATAR_URL",
};

/**
 * Open the bucket of AVATAR_URL or, without one, the folder. If S3 does not answer, the tier starts
 * anyway: accounts work at once, and pictures when S3 answers.
 * @throws {Error} S3 denies access, or the pictures have moved; the message names the variable
 */
export async function openAvatars(
  folder: string,
  access: BucketAccess | undefined,
  log: Log,
): Promise<AvatarStore> {
  if (!access) {
    const avatars = new AvatarFolder(folder);
    const place = await avatars.movedTo();
    if (place === undefined) return avatars;
    throw new Error(
      `Cannot use ${folder} for pictures: they have moved to ${place}. Set AVATAR_URL; or, to go ` +
        "on here, run `bun run graduate --undo`",
    );
  }
  const bucket = new AvatarBucket(access);
  const refusal = await bucket.checkAccess().catch((err: unknown) => {
    if (err instanceof CertificateError) throw new Error(`${err.message} (S3_ENDPOINT)`);
    log.warn({ err }, `cannot serve pictures until ${access.endpoint} (S3_ENDPOINT) answers`);
  });
  if (refusal === undefined) return bucket;
  const variable = VARIABLE_BY_S3_ERROR[refusal] ?? "AVATAR_URL, S3_ENDPOINT";
  throw new Error(`Cannot use S3 for pictures: it answers ${refusal} (${variable})`);
}
