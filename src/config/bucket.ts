import type { EnvironmentReader } from "./reader.ts";
import { shown } from "./values.ts";

// The bucket of S3 that AVATAR_URL names, and how it is asked. What is wrong is thrown as an Error
// whose message goes on after the variable's name; a secret is not repeated in it.

export interface AvatarBucketConfig {
  /** `https://host`, before the bucket's name. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** The folder in the bucket: "" or `some/folder/`. */
  readonly prefix: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

type Place = Pick<AvatarBucketConfig, "bucket" | "prefix">;

/** A bucket's name as S3 has it, and folders with names that need no care anywhere. */
const AVATAR_URL = /^s3:\/\/([a-z\d][a-z\d.-]{1,61}[a-z\d])((?:\/[\w.-]{1,100}){0,8})\/?$/;

/** Read the variables of the bucket; undefined where there is none. They are checked either way. */
export function readAvatarBucket(reader: EnvironmentReader): AvatarBucketConfig | undefined {
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
  throw new Error("must be s3://bucket or s3://bucket/prefix");
}

/** A path stays: some that speak S3 do so beneath one. */
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
