import type { BucketAccess } from "../http/avatar/bucket.ts";
import type { EnvironmentReader } from "./load.ts";
import { shown } from "./values.ts";

// The S3 bucket of AVATAR_URL, and the access to it.

type Place = Pick<BucketAccess, "bucket" | "prefix">;

/** A bucket name as S3 allows it, and folder names that need no escaping anywhere. */
const AVATAR_URL = /^s3:\/\/([a-z\d][a-z\d.-]{1,61}[a-z\d])((?:\/[\w.-]{1,100}){0,8})\/?$/;

/**
 * Read the variables of the bucket; undefined if AVATAR_URL is not set. All are checked even then.
 */
export function readAvatarBucket(reader: EnvironmentReader): BucketAccess | undefined {
  const url = reader.given("AVATAR_URL");
  const place = reader.read("AVATAR_URL", undefined, () => (url ? parseAvatarUrl(url) : undefined));
  const region = reader.read("S3_REGION", "", parseRegion);
  const key = (name: "S3_ACCESS_KEY_ID" | "S3_SECRET_ACCESS_KEY") =>
    reader.read(name, "", () => parseKey(reader.given(name), url !== undefined));
  const access = {
    region,
    endpoint: reader.read("S3_ENDPOINT", "", (value) =>
      reader.given("S3_ENDPOINT") ? parseEndpoint(value) : `https://s3.${region}.amazonaws.com`,
    ),
    accessKeyId: key("S3_ACCESS_KEY_ID"),
    secretAccessKey: key("S3_SECRET_ACCESS_KEY"),
  };
  return place && { ...place, ...access };
}

function parseAvatarUrl(value: string): Place {
  const [, bucket, folders = ""] = AVATAR_URL.exec(value) ?? [];
  const isPlain = folders.split("/").every((name) => name !== "." && name !== "..");
  if (bucket && isPlain) return { bucket, prefix: folders && `${folders.slice(1)}/` };
  const name = "a bucket's name has 3 to 63 lower-case letters, digits, dots and dashes";
  throw new Error(`must be s3://bucket or s3://bucket/prefix; ${name}`);
}

/** Keep a path: some S3-compatible stores have their API below one. */
function parseEndpoint(value: string): string {
  const url = URL.parse(value);
  const isBare = url && /^https?:$/.test(url.protocol) && url.origin + url.pathname === url.href;
  if (isBare) return url.href.replace(/\/+$/, "");
  throw new Error("must be http://host or https://host");
}

function parseRegion(value: string): string {
  if (/^[a-z\d-]{1,40}$/.test(value)) return value;
  throw new Error(`is "${shown(value)}": must be like us-east-1`);
}

function parseKey(key: string | undefined, isNeeded: boolean): string {
  if (key === undefined && isNeeded) throw new Error("must be set if AVATAR_URL is set");
  if (key === undefined || /^[\x21-\x7e]{1,256}$/.test(key)) return key ?? "";
  throw new Error("must be printable ASCII without white space");
}
