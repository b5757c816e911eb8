import { join } from "node:path";
import { PROGRAMS, programPath } from "./programs.ts";

const openssl = programPath(PROGRAMS.openssl);

/** Whether openssl is installed. */
export const available = openssl !== undefined;

/** Paths of PEM files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A certification authority in a folder. */
export class Authority {
  /** The authority's own certificate, for those that trust it. */
  readonly ca: string;
  readonly #folder: string;
  readonly #name: string;

  private constructor(folder: string, name: string) {
    this.ca = join(folder, `${name}.pem`);
    this.#folder = folder;
    this.#name = name;
  }

  static async create(folder: string, name: string): Promise<Authority> {
    const subject = ["-subj", "/CN=authority", "-days", "2"];
    const files = ["-keyout", join(folder, `${name}.key`), "-out", join(folder, `${name}.pem`)];
    await run("req", "-x509", ...NEW_KEY, ...subject, ...files);
    return new Authority(folder, name);
  }

  /** @param altName as in "DNS:localhost" or "IP:127.0.0.1" */
  async sign(name: string, altName: string, days = 2): Promise<Certificate> {
    const path = (extension: string) => join(this.#folder, `${name}.${extension}`);
    await run(
      "req",
      ...NEW_KEY,
      "-subj",
      `/CN=${name}`,
      "-keyout",
      path("key"),
      "-out",
      path("csr"),
    );
    await Bun.write(path("ext"), `subjectAltName=${altName}\n`);
    const authority = ["-CA", this.ca, "-CAkey", join(this.#folder, `${this.#name}.key`)];
    const files = ["-in", path("csr"), "-extfile", path("ext"), "-out", path("pem")];
    await run("x509", "-req", ...authority, "-CAcreateserial", "-days", String(days), ...files);
    return { cert: path("pem"), key: path("key") };
  }
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

async function run(...options: string[]): Promise<void> {
  const child = Bun.spawn([openssl ?? "openssl", ...options], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const complaint = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`Cannot make a certificate: ${complaint}`);
}
