import { createHash, createHmac } from "node:crypto";
import { RpcError } from "../../rpc/error.ts";

const ALGORITHM = "AWS4-HMAC-SHA256";
/** S3 encodes these as RFC 3986 says; encodeURIComponent does not. */
const UNENCODED = /[!'()*]/g;

/** A bucket, and the access key for it. */
export interface ListingAccess {
  /** `https://host`, without the bucket. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface Listing {
  readonly objects: readonly { readonly key: string; readonly modifiedAt: Date }[];
  /** The token for the next part of the listing; undefined if this is the last part. */
  readonly nextToken: string | undefined;
}

/**
 * The URL of a listing, signed in its query (AWS Signature Version 4). Bun's client signs only URLs
 * of objects, and its own list() can be neither cancelled nor retried.
 * @param query of ListObjectsV2, without the parameters of the signature
 */
export function listingUrl(
  { endpoint, region, bucket, accessKeyId, secretAccessKey }: ListingAccess,
  query: Readonly<Record<string, string>>,
  expiresInSeconds: number,
  now = new Date(),
): string {
  const url = new URL(`${endpoint}/${bucket}`);
  const time = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = [time.slice(0, 8), region, "s3", "aws4_request"];
  const signed = {
    ...query,
    "X-Amz-Algorithm": ALGORITHM,
    "X-Amz-Credential": [accessKeyId, ...scope].join("/"),
    "X-Amz-Date": time,
    "X-Amz-Expires": `${expiresInSeconds}`,
    "X-Amz-SignedHeaders": "host",
  };
  const pairs = Object.entries(signed).map((pair) => pair.map(encode).join("="));
  const canonicalQuery = pairs.sort().join("&");
  const canonical = ["GET", url.pathname, canonicalQuery, `host:${url.host}`, "", "host"];
  const request = [...canonical, "UNSIGNED-PAYLOAD"].join("\n");
  const digest = createHash("sha256").update(request).digest("hex");
  const toSign = [ALGORITHM, time, scope.join("/"), digest].join("\n");
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  const signature = hmac(key, toSign).toString("hex");
  return `${url.href}?${canonicalQuery}&X-Amz-Signature=${signature}`;
}

/**
 * Read the answer to ListObjectsV2. Keys are not decoded: ours have no entities.
 * @throws {RpcError} internal: the text is something else
 */
export function readListing(xml: string): Listing {
  if (!xml.includes("<ListBucketResult")) {
    throw new RpcError("internal", "Cannot list pictures: the answer of S3 is not a listing");
  }
  const objects = Array.from(xml.matchAll(/<Contents>(.*?)<\/Contents>/gs), ([, object = ""]) => ({
    key: textIn(object, "Key") ?? "",
    modifiedAt: new Date(textIn(object, "LastModified") ?? Number.NaN),
  }));
  const token = textIn(xml, "NextContinuationToken");
  return { objects, nextToken: token && decodeEntities(token) };
}

function textIn(xml: string, element: string): string | undefined {
  return new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml)?.[1];
}

function decodeEntities(text: string): string {
  const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'" };
  return text
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replace(/&#x([\da-f]+);/gi, (_, code) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replace(/&(lt|gt|quot|apos);/g, (_, name: string) => entities[name] ?? "")
    .replace(/&amp;/g, "&");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    UNENCODED,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
