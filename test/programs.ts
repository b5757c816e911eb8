import { existsSync } from "node:fs";

/** A program that some tests start, and the Debian package that brings it. */
export interface Program {
  readonly names: readonly string[];
  /** Where it may be, if it is a library. */
  readonly files?: readonly string[];
  readonly debianPackage: string;
}

export const PROGRAMS = {
  mariadb: { names: ["mariadbd"], debianPackage: "mariadb-server-core" },
  galera: {
    names: ["libgalera_smm.so"],
    files: ["/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so"],
    debianPackage: "galera-4",
  },
  redis: { names: ["redis-server"], debianPackage: "redis-server" },
  curl: { names: ["curl"], debianPackage: "curl" },
  openssl: { names: ["openssl"], debianPackage: "openssl" },
  python: { names: ["python3"], debianPackage: "python3" },
  wrk: { names: ["wrk"], debianPackage: "wrk" },
  nginx: { names: ["nginx"], debianPackage: "nginx-light" },
  haproxy: { names: ["haproxy"], debianPackage: "haproxy" },
  systemdAnalyze: { names: ["systemd-analyze"], debianPackage: "systemd" },
  promtool: { names: ["promtool"], debianPackage: "prometheus" },
  chromium: { names: ["chromium", "chromium-browser", "google-chrome"], debianPackage: "chromium" },
} as const satisfies Record<string, Program>;

/** Servers are in sbin, which is often not on the PATH. */
const SEARCH_PATH = `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin`;

/** The path of a program; undefined if it is not installed. */
export function programPath(program: Program): string | undefined {
  if (program.files) return program.files.find((file) => existsSync(file));
  for (const name of program.names) {
    const path = Bun.which(name, { PATH: SEARCH_PATH });
    if (path) return path;
  }
  return undefined;
}

export function missingPrograms(): Program[] {
  return Object.values(PROGRAMS).filter((program) => !programPath(program));
}
