import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MIGRATE } from "./commands.ts";
import { HTTP_TIER } from "./http.ts";
import { ConfigError, load } from "./load.ts";
import { readSettings } from "./settings.ts";
import { readStartSettings } from "./start-settings.ts";

// A limit ends a hang, such as of a pipe that no process writes to; it does not judge speed.
setDefaultTimeout(20_000);

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "settings-"));

  write(name: string, text: string | Uint8Array, mode = 0o600): string {
    const path = join(this.path, name);
    writeFileSync(path, text, { mode });
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

function problemsOf(read: () => unknown): string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
}

describe("NAME_FILE", () => {
  test("is a file with the value, without its last line break", () => {
    using folder = new Folder();
    for (const end of ["", "\n", "\r\n"]) {
      const RPC_TOKEN_FILE = folder.write("token", `0123456789abcdef${end}`);
      const { environment } = readSettings("tcp", { RPC_TOKEN_FILE, PATH: "/bin" });
      expect(environment).toEqual({ RPC_TOKEN: "0123456789abcdef", PATH: "/bin" });
    }
    const RPC_TOKEN_FILE = folder.write("token", "a\n\n");
    expect(readSettings("tcp", { RPC_TOKEN_FILE }).environment.RPC_TOKEN).toBe("a\n");
  });

  test("may be a link, as orchestrators make them", () => {
    using folder = new Folder();
    const [file, link] = [folder.write("data", "8080"), join(folder.path, "link")];
    symlinkSync(file, link);
    expect(readSettings("http", { HTTP_PORT_FILE: link }).environment).toEqual({
      HTTP_PORT: "8080",
    });
  });

  test("and NAME together are an error, unless one is empty", () => {
    using folder = new Folder();
    const file = folder.write("file", "1");
    const both = { HTTP_PORT: "1", HTTP_PORT_FILE: file, RPC_TOKEN: "", RPC_TOKEN_FILE: file };
    expect(problemsOf(() => readSettings("http", both))).toEqual([
      "HTTP_PORT and HTTP_PORT_FILE are both set: unset one",
      "RPC_TOKEN and RPC_TOKEN_FILE are both set: unset one",
    ]);
    expect(readSettings("http", { HTTP_PORT: " ", HTTP_PORT_FILE: file }).environment).toEqual({
      HTTP_PORT: "1",
    });
    expect(readSettings("http", { HTTP_PORT: "1", HTTP_PORT_FILE: " " }).environment).toEqual({
      HTTP_PORT: "1",
    });
  });

  test("is refused if it cannot be a value, and the message names variable and path", () => {
    using folder = new Folder();
    const link = join(folder.path, "pipe");
    Bun.spawnSync(["mkfifo", link]);
    const wrong = {
      "does not exist": join(folder.path, "none"),
      "is a folder": folder.path,
      "is no file": link,
      "is empty": folder.write("empty", "\n"),
      "has more than 64 KiB": folder.write("long", "x".repeat(65_537)),
      "is not a text in UTF-8": folder.write("binary", Uint8Array.of(0x73, 0x33, 0xff)),
    };
    for (const [why, path] of Object.entries(wrong)) {
      expect(problemsOf(() => readSettings("tcp", { DATABASE_URL_FILE: path }))).toEqual([
        `DATABASE_URL_FILE names "${path}", which ${why}`,
      ]);
    }
    const zero = folder.write("zero", "a\0b");
    expect(problemsOf(() => readSettings("tcp", { DATABASE_URL_FILE: zero }))).toHaveLength(1);
    expect(problemsOf(() => readSettings("tcp", { DATABASE_URL_FILE: "" }))).toEqual([
      "DATABASE_URL_FILE is empty: give it a path, or unset it",
    ]);
    // Not of a variable that may be empty.
    expect(readSettings("tcp", { SESSIONS_MAX_FILE: wrong["is empty"] }).environment).toEqual({
      SESSIONS_MAX: "",
    });
  });

  test("is read only by programs that read NAME, and no program keeps the path", () => {
    const given = { DATABASE_URL_FILE: "/nowhere", S3_SECRET_ACCESS_KEY_FILE: "/nowhere" };
    expect(readSettings("rpc", given).environment).toEqual({});
    expect(problemsOf(() => readSettings("http", given))).toHaveLength(1);
    expect(problemsOf(() => readSettings("start", given))).toHaveLength(2);
  });

  test("of a variable that is a path is refused with a hint", () => {
    const [problem] = problemsOf(() => readSettings("tcp", { RPC_TLS_KEY_FILE: "key.pem" }));
    expect(problem).toBe(
      "RPC_TLS_KEY_FILE does not work: RPC_TLS_KEY is a path already, so set RPC_TLS_KEY",
    );
  });
});

describe("--config", () => {
  test("is TOML: strings, numbers, booleans and arrays", () => {
    using folder = new Folder();
    const path = folder.write(
      "portico.toml",
      `# Comments are allowed.
HTTP_PORT = 8080
RPC_PORT = "9000"
DOCS = false
PASSWORD_STRICT = true
COOKIE_HOST_PREFIX = false
TRUSTED_PROXIES = ["10.0.0.0/8", "::1"]
RPC_TOKENS = []
`,
    );
    expect(readSettings("start", { PATH: "/bin", NODE_ENV: "x" }, path).environment).toEqual({
      PATH: "/bin",
      NODE_ENV: "x",
      HTTP_PORT: "8080",
      RPC_PORT: "9000",
      DOCS: "off",
      PASSWORD_STRICT: "on",
      COOKIE_HOST_PREFIX: "",
      TRUSTED_PROXIES: "10.0.0.0/8,::1",
      RPC_TOKENS: "",
    });
  });

  test("loses to the environment, unless that is empty", () => {
    using folder = new Folder();
    const file = folder.write("file", "3");
    const path = folder.write(
      "portico.toml",
      `HTTP_PORT = 1\nRPC_PORT_FILE = "/nowhere"\nSESSIONS_MAX = 1\nSESSION_TTL_SECONDS = 4`,
    );
    const given = {
      ...{ HTTP_PORT: "2", RPC_PORT: "2" },
      ...{ SESSIONS_MAX_FILE: file, SESSION_TTL_SECONDS: "" },
    };
    expect(readSettings("start", given, path).environment).toEqual({
      HTTP_PORT: "2",
      RPC_PORT: "2",
      SESSIONS_MAX: "3",
      SESSION_TTL_SECONDS: "4",
    });
    // An empty secret is an error, even if the file has one.
    const token = folder.write("token.toml", 'RPC_TOKEN = "0123456789abcdef"');
    expect(readSettings("start", { RPC_TOKEN: "" }, token).environment.RPC_TOKEN).toBe("");
  });

  test("may name files of secrets", () => {
    using folder = new Folder();
    const secret = folder.write("secret", "mysql://u:s3cret@host/db\n");
    const path = folder.write("portico.toml", `DATABASE_URL_FILE = "${secret}"`);
    const { environment, origins } = readSettings("tcp", {}, path);
    expect(environment).toEqual({ DATABASE_URL: "mysql://u:s3cret@host/db" });
    expect(origins.get("DATABASE_URL")?.text).toBe(`from DATABASE_URL_FILE in ${path}, line 1`);
    const both = folder.write("both.toml", 'HTTP_PORT = 1\nHTTP_PORT_FILE = "x"');
    expect(problemsOf(() => readSettings("http", {}, both))).toEqual([
      `${both} has both HTTP_PORT and HTTP_PORT_FILE: remove one`,
    ]);
    const none = folder.write("none.toml", 'HTTP_PORT_FILE = "/nowhere"');
    expect(problemsOf(() => readSettings("http", {}, none))).toEqual([
      `HTTP_PORT_FILE (${none}, line 1) names "/nowhere", which does not exist`,
    ]);
  });

  test("with an unknown key or a wrong type is an error with its line", () => {
    using folder = new Folder();
    const path = folder.write(
      "portico.toml",
      `HTPP_PORT = 1
http_host = "x"
DATABASE_URL_FIEL = "x"
S3CRET = "s3cret"

HTTP_HOST = 5
RPC_TOKEN = """
first line
LOG_LEVEL = not this one
"""
LOG_LEVEL = ["s3cret"]
"DATA_DIR" = true
RPC_TLS_KEY_FIEL = "x"
RPC_PORT_FILE = 5
DOCS = 1979-05-27
TRUSTED_PROXIES = [1]
[http]
port = 1
`,
    );
    const problems = problemsOf(() => readSettings("rpc", {}, path));
    expect(problems.map((each) => each.replace(`${path}, line `, ""))).toEqual([
      '1: "HTPP_PORT" is no variable of Portico: did you mean HTTP_PORT?',
      '2: "http_host" is no variable of Portico: did you mean HTTP_HOST?',
      '3: "DATABASE_URL_FIEL" is no variable of Portico: docs/configuration.md has all',
      '4: "S3CRET" is no variable of Portico: docs/configuration.md has all',
      "6: HTTP_HOST must be a string, not a number",
      "11: LOG_LEVEL must be a string, not an array",
      "12: DATA_DIR must be a string, not a boolean",
      '13: "RPC_TLS_KEY_FIEL" is no variable of Portico: did you mean RPC_TLS_KEY?',
      "14: RPC_PORT_FILE must be a string, not a number",
      "15: DOCS must be true, false or a string, not a date",
      "16: TRUSTED_PROXIES must be a string or an array of strings, not an array of numbers",
      '17: there is no table "http": every setting is like HTTP_PORT = 8080',
    ]);
  });

  test("that is no TOML is an error with line and column, and without its text", () => {
    using folder = new Folder();
    const wrong = {
      "A = 1\nDATABASE_URL = mysql://u:s3cret@h/d": "line 2, column 16",
      'RPC_TOKEN = "s3cret': "line 1, column 13",
      's3cret = "a"\ns3cret = "b"': "line 2, column 1",
      "A = 2026-13-45": "line 1, column 5",
      "A = 1 s3cret": "line 1, column 7",
      s3cret: "line 1, column 1",
      "A = { s3cret ": "line 1",
    };
    for (const [text, where] of Object.entries(wrong)) {
      const path = folder.write("portico.toml", text);
      const [problem = "", ...more] = problemsOf(() => readSettings("rpc", {}, path));
      expect(more).toEqual([]);
      expect(problem).toStartWith(`${path}, ${where}`);
      expect(problem).toContain(": not TOML: ");
      expect(problem).not.toContain("s3cret");
    }
  });

  test("of another kind is refused at once, however long it is", () => {
    using folder = new Folder();
    const keys = Array.from({ length: 60_000 }, (_, key) => `key${key} = 1`).join("\n");
    const path = folder.write("portico.toml", keys);
    const problems = problemsOf(() => readSettings("rpc", {}, path));
    expect(problems).toHaveLength(21);
    expect(problems.at(-1)).toContain("there are more problems");
    const lines = `RPC_TOKEN = """\n${"HTTP_PORT = 1\n".repeat(60_000)}"""\nHTTP_PORT = true\n`;
    const [problem] = problemsOf(() => readSettings("rpc", {}, folder.write("lines.toml", lines)));
    expect(problem).toEndWith("lines.toml: HTTP_PORT must be a number or a string, not a boolean");
  });

  test("that cannot be read is an error", () => {
    using folder = new Folder();
    const long = folder.write("long.toml", "#".repeat(1_048_577));
    for (const [path, why] of [
      ["/nowhere.toml", "does not exist"],
      [folder.path, "is a folder"],
      [long, "has more than 1024 KiB"],
    ] as const) {
      expect(problemsOf(() => readSettings("rpc", {}, path))).toEqual([`--config ${path} ${why}`]);
    }
  });

  test("warns if every user can read a secret in it", () => {
    using folder = new Folder();
    const text = 'RPC_TOKEN = "0123456789abcdef"\nDATABASE_URL_FILE = "/nowhere"\n';
    const warnings = (content: string, mode: number) => {
      const path = folder.write(`${mode}-${content.length}.toml`, content, mode);
      return readSettings("http", {}, path).warnings.map((each) => each.replaceAll(path, "FILE"));
    };
    expect(warnings(text, 0o604)).toEqual([
      "FILE holds RPC_TOKEN, and every user of this machine can read it: chmod o= FILE",
    ]);
    expect(warnings(text, 0o600)).toEqual([]);
    expect(warnings("HTTP_PORT = 1", 0o604)).toEqual([]);
  });

  test("gives the HTTP tier its own variables alone", () => {
    using folder = new Folder();
    const path = folder.write(
      "portico.toml",
      'DATABASE_URL = "mysql://u:s3cret@h/d"\nREDIS_URL = "nonsense"\nHTTP_PORT = 8080',
    );
    const settings = readSettings("http", {}, path);
    expect(settings.environment).toEqual({ HTTP_PORT: "8080" });
    expect(Bun.inspect(settings)).not.toContain("s3cret");
    expect(load(HTTP_TIER, settings.environment, settings.origins).http.port).toBe(8080);
  });
});

describe("a wrong value", () => {
  test("is reported with its place", () => {
    using folder = new Folder();
    const path = folder.write("portico.toml", '\nHTTP_PORT = 70000\nDATABASE_URL = "nonsense"');
    const file = folder.write("file", "nonsense");
    const read = () => readStartSettings({ REDIS_URL_FILE: file, SESSIONS_MAX: "x" }, path);
    expect(problemsOf(read).sort()).toEqual([
      `DATABASE_URL (${path}, line 3) must be mysql://user:password@host:port/database; several hosts by commas`,
      `HTTP_PORT (${path}, line 2) is "70000": must be a whole number from 0 to 65535`,
      expect.stringMatching(/^REDIS_URL \(from REDIS_URL_FILE\) must be redis:\/\//),
      'SESSIONS_MAX is "x": must be a whole number from 1 to 1000',
    ]);
    const { environment, origins } = readSettings("migrate", {}, path);
    expect(problemsOf(() => load(MIGRATE, environment, origins))).toHaveLength(1);
  });
});
