import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "./load.ts";
import { readStartSettings } from "./start-settings.ts";
import type { Variable } from "./variable.ts";
import { type Environment, fileNameOf, NAMES, VARIABLES, type VariableName } from "./variables.ts";

// Each variable of the table has the same effect from the environment, from NAME_FILE and from a
// file of settings.

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(20_000);

/** Values for any variable. Most are wrong for most of them: the problem is compared then. */
const VALUES = [
  ...["on", "off", "none", "nonsense", "warn", "1", "7", "300", "70000"],
  ...["10.0.0.7", "10.0.0.7:9091", "http://10.0.0.7:4318", "https://a.example", "eu-west-7"],
  ...["0123456789abcdef", "http:0123456789abcdef", "a:0123456789abcdef,b:0123456789abcdef"],
  ...["mysql://u:secret@h/d", "redis://h:1,h:2", "s3://bucket/x", "salted-md5", "http/json"],
  ...["always_off", "name=value"],
];

/** Without these, other variables have no effect. */
const BASE: Environment = {
  // With tokens of both callers, none is created in DATA_DIR.
  RPC_TOKEN: "a-token-of-http-1",
  RPC_TOKENS: "admin:a-token-of-admin",
  AVATAR_URL: "s3://bucket",
  S3_ACCESS_KEY_ID: "key",
  S3_SECRET_ACCESS_KEY: "secret-of-s3",
  OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318",
  OTEL_TRACES_SAMPLER: "traceidratio",
};

class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "every-variable-"));

  write(name: string, text: string): string {
    const path = join(this.path, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

/** The other variables. */
function baseOf(name: VariableName, { path }: Folder): Environment {
  return { ...BASE, DATA_DIR: path, [name]: undefined };
}

/** The config, or the problems without the places and what they repeat of values. */
function outcome(environment: Environment, configPath?: string): string {
  try {
    const { config, environments } = readStartSettings(environment, configPath);
    const { rpcTokens } = config.tcp;
    const given = { http: environments.http, tcp: environments.tcp };
    return Bun.inspect({ config, tokens: [...rpcTokens], given }, { depth: 10, sorted: true });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = error.message.split("\n").map((line) => line.replace(/ \((from|\/).*?\)/, ""));
    return lines
      .map((line) => line.replace(/".*"/, '"…"'))
      .sort()
      .join("\n");
  }
}

/** How the value may be written in TOML. */
function tomlForms(name: VariableName, value: string): string[] {
  const { kind }: Variable = VARIABLES[name];
  const isNumber = kind === "number" || /^\d+$/.test(VARIABLES[name].default);
  return [
    JSON.stringify(value),
    ...(isNumber && /^\d+$/.test(value) ? [value] : []),
    ...(kind === "list" ? [JSON.stringify(value.split(","))] : []),
    ...(kind === value ? [`${kind === "on"}`] : []),
  ];
}

describe.each(NAMES)("%s", (name) => {
  const { isPath }: Variable = VARIABLES[name];

  test("has an effect, and the same from the environment, from NAME_FILE and from TOML", () => {
    using folder = new Folder();
    const base = baseOf(name, folder);
    const without = outcome(base);
    let effects = 0;
    for (const value of VALUES) {
      const expected = outcome({ ...base, [name]: value });
      if (expected !== without) effects++;
      if (!isPath) {
        const file = folder.write("value", `${value}\n`);
        expect(outcome({ ...base, [fileNameOf(name)]: file })).toBe(expected);
        const path = folder.write("paths.toml", `${fileNameOf(name)} = ${JSON.stringify(file)}`);
        expect(outcome(base, path)).toBe(expected);
      }
      for (const form of tomlForms(name, value)) {
        expect(outcome(base, folder.write("portico.toml", `${name} = ${form}`))).toBe(expected);
      }
    }
    expect(effects).toBeGreaterThan(0);
  });

  test.skipIf(isPath === true)("no message repeats the content of its file", () => {
    using folder = new Folder();
    const contents = [
      "hunter22",
      "[::9]",
      "hunter22:80x",
      "mysql://u@h/d?hunter22=1",
      "a,hunter22",
    ];
    for (const content of contents) {
      const file = folder.write("value", content);
      try {
        readStartSettings({ ...baseOf(name, folder), [fileNameOf(name)]: file });
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        expect(error.message).not.toContain("hunter22");
        expect(error.message).toContain(`${name} (from ${fileNameOf(name)})`);
      }
    }
  });
});

test("no variable has the name of another's file", () => {
  expect(NAMES.filter((name) => name.endsWith("_FILE"))).toEqual([]);
});
