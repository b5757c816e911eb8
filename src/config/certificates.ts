import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readTextFile } from "./text-file.ts";
import { shown } from "./values.ts";

// The PEM files for TLS. They are checked before anything listens or connects.

/** The authorities of a whole Linux system have about 250 KiB. */
const MAX_BYTES = 1_048_576;
const CERTIFICATES = /-----BEGIN ([A-Z\d]+ )?CERTIFICATE-----[\s\S]*?-----END [^-]*-----/g;

export interface Certificate {
  /** The text of the file, which may also hold the chain to the authority. */
  readonly text: string;
  readonly leaf: X509Certificate;
}

export interface PrivateKey {
  readonly text: string;
  readonly key: KeyObject;
}

/** The certificate of a server: the first one in its file. */
export function readCertificate(path: string, now = new Date()): Certificate {
  const { text, certificates } = readCertificates(path);
  const [leaf] = certificates;
  if (!leaf) throw new Error(`names "${shown(path)}", which holds no certificate`);
  const why = whyOutOfDate(leaf, now);
  if (why) throw new Error(`names "${shown(path)}", whose certificate ${why}`);
  return { text, leaf };
}

/** The text of a file with one or more certificates of an authority. */
export function readAuthority(path: string, now = new Date()): string {
  const { text, certificates } = readCertificates(path);
  const reasons = certificates.map((each) => whyOutOfDate(each, now));
  const [why] = reasons;
  if (why === undefined || reasons.includes(undefined)) return text;
  throw new Error(`names "${shown(path)}", whose certificate ${why}`);
}

export function readPrivateKey(path: string): PrivateKey {
  const text = readPem(path);
  try {
    return { text, key: createPrivateKey(text) };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const isEncrypted = code === "ERR_MISSING_PASSPHRASE" || /ENCRYPTED/.test(text);
    const why = isEncrypted
      ? "whose key has a passphrase: remove it with " +
        "`openssl pkey -in WITH.pem -out WITHOUT.pem`"
      : "which holds no readable key";
    throw new Error(`names "${shown(path)}", ${why}`);
  }
}

function readCertificates(path: string): { text: string; certificates: X509Certificate[] } {
  const text = readPem(path);
  const blocks = text.match(CERTIFICATES) ?? [];
  if (blocks.length === 0) {
    const instead = text.includes("PRIVATE KEY-----") ? ", only a key" : "";
    throw new Error(`names "${shown(path)}", which holds no certificate${instead}`);
  }
  try {
    return { text, certificates: blocks.map((block) => new X509Certificate(block)) };
  } catch {
    throw new Error(`names "${shown(path)}", which holds a certificate that cannot be read`);
  }
}

function readPem(path: string): string {
  // The message does not repeat the value: it may be the key.
  if (path.includes("-----BEGIN")) throw new Error("must be the path of a PEM file, not its text");
  let text: string;
  try {
    // A reload reads them, too: a pipe or a device in place of a file must not stop the process.
    text = readTextFile(path, MAX_BYTES).text;
  } catch (error) {
    throw new Error(
      `names "${shown(path)}", which ${error instanceof Error ? error.message : error}`,
    );
  }
  if (text.includes("-----BEGIN ")) return text;
  throw new Error(`names "${shown(path)}", which is not a PEM file`);
}

function whyOutOfDate(
  { validFromDate, validToDate }: X509Certificate,
  now: Date,
): string | undefined {
  if (validToDate < now) return `expired on ${day(validToDate)}`;
  if (validFromDate > now) return `is not valid before ${day(validFromDate)}`;
  return undefined;
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
