import type { Log } from "../../rpc/log.ts";
import { AvatarBucket, type BucketAccess, CertificateError } from "./bucket.ts";
import { AvatarFolder } from "./folder.ts";
import type { AvatarStore } from "./store.ts";

/** Which variable is wrong where S3 refuses what it is asked at the start, by S3's code. */
const VARIABLE_BY_S3_ERROR: Readonly<Record<string, string>> = {
  NoSuchBucket: "AVATAR_URL",
  InvalidAccessKeyId: "S3_ACCESS_KEY_ID",
  SignatureDoesNotMatch: "S3_SECRET_ACCESS_KEY",
  AuthorizationQueryParametersError: "S3_REGION",
  InvalidToken: "AWS_SESSION_TOKEN, which Bun reads",
  ExpiredToken: "AWS_SESSION_TOKEN, which Bun reads",
  PermanentRedirect: "S3_REGION",
  TemporaryRedirect: "S3_REGION",
  AccessDenied: "S3_ACCESS_KEY_ID, which may not list or not read the bucket of AVATAR_URL",
};

/**
 * The bucket of AVATAR_URL, or else the folder. An S3 that is away does not keep accounts
 * from working: pictures wait for it.
 * @throws {Error} naming the variable by which S3 refuses to serve us
 */
export async function openAvatars(
  folder: string,
  access: BucketAccess | undefined,
  log: Log,
): Promise<AvatarStore> {
  if (!access) return new AvatarFolder(folder);
  const bucket = new AvatarBucket(access);
  const refusal = await bucket.refusal().catch((err: unknown) => {
    if (err instanceof CertificateError) throw new Error(`${err.message} (S3_ENDPOINT)`);
    log.warn({ err }, `no pictures until ${access.endpoint} (S3_ENDPOINT) answers`);
  });
  if (refusal === undefined) return bucket;
  const variable = VARIABLE_BY_S3_ERROR[refusal] ?? "AVATAR_URL, S3_ENDPOINT";
  throw new Error(`Cannot use S3 for pictures: it answers ${refusal} (${variable})`);
}
