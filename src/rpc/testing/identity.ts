import { join } from "node:path";
import { PROGRAMS, programPath } from "../../../test/programs.ts";

/** Undefined where it is not installed: then there is no identity to be had. */
export const OPENSSL = programPath(PROGRAMS.openssl);

export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** A self-signed certificate, which is its own authority, for one subject alternative name. */
export async function makeIdentity(
  folder: string,
  name: string,
  altName: string,
): Promise<Identity> {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  const options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=${altName}`, "-days", "2"];
  const openssl = Bun.spawn(
    [OPENSSL ?? "openssl", "req", "-x509", ...options, ...subject, "-keyout", key, "-out", cert],
    { stdout: "ignore", stderr: "pipe" },
  );
  const complaint = await new Response(openssl.stderr).text();
  if ((await openssl.exited) !== 0) throw new Error(`Cannot make a certificate: ${complaint}`);
  return { cert: await Bun.file(cert).text(), key: await Bun.file(key).text() };
}
