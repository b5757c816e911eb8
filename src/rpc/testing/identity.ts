import { join } from "node:path";
import { PROGRAMS, programPath } from "../../../test/programs.ts";

/** Undefined if it is not installed. Then no identity can be made. */
export const OPENSSL = programPath(PROGRAMS.openssl);

export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** A self-signed certificate, its own authority, for one subject alternative name. */
export async function makeIdentity(
  folder: string,
  name: string,
  altName: string,
): Promise<Identity> {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  const options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=${altName}`, "-days", "2"];
  await openssl("req", "-x509", ...options, ...subject, "-keyout", key, "-out", cert);
  return { cert: await Bun.file(cert).text(), key: await Bun.file(key).text() };
}

/** Like makeIdentity(), but the certificate expired a day ago. */
export async function makeExpired(
  folder: string,
  name: string,
  altName: string,
): Promise<Identity> {
  const { key } = await makeIdentity(folder, name, altName);
  const path = join(folder, name);
  const source = ["-in", `${path}.pem`, "-signkey", `${path}.key`];
  await openssl("x509", ...source, "-days", "-1", "-out", `${path}.old`);
  return { cert: await Bun.file(`${path}.old`).text(), key };
}

async function openssl(...args: readonly string[]): Promise<void> {
  const child = Bun.spawn([OPENSSL ?? "openssl", ...args], { stdout: "ignore", stderr: "pipe" });
  const complaint = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`Cannot make a certificate: ${complaint}`);
}
