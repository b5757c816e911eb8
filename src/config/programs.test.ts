import { describe, expect, test } from "bun:test";
import { BACKUP, MIGRATE, rpcCommand, SEED, SWEEP } from "./commands.ts";
import { HTTP_TIER } from "./http.ts";
import { type Loader, load } from "./load.ts";
import { START } from "./start.ts";
import { TCP_TIER } from "./tcp.ts";
import {
  type Environment,
  environmentFor,
  isReadBy,
  VARIABLES,
  type VariableName,
} from "./variables.ts";

describe("each program", () => {
  const LOADERS: readonly Loader<object>[] = [
    HTTP_TIER,
    TCP_TIER,
    rpcCommand(),
    MIGRATE,
    SEED,
    BACKUP,
    SWEEP,
  ];
  const names = Object.keys(VARIABLES) as VariableName[];

  /** An environment that notes what is read of it. */
  function noted(environment: Environment): { environment: Environment; read: Set<string> } {
    const read = new Set<string>();
    const get = (target: Environment, name: string) => {
      read.add(name);
      return target[name];
    };
    return { environment: new Proxy(environment, { get }), read };
  }

  test.each(LOADERS)("$program reads the variables that the table says, and no other", (loader) => {
    const read = [{}, { RPC_ADDRESSES: "127.0.0.1:1" }].flatMap((given) => {
      const { environment, read } = noted(given);
      load(loader, environment);
      return [...read];
    });
    const { program } = loader;
    expect(program).not.toBe("start");
    if (program === "start") return;
    const ours = names.filter((name) => read.includes(name));
    expect(ours).toEqual(names.filter((name) => isReadBy(name, program)));
  });

  test("`start` reads all of them", () => {
    const { environment, read } = noted({});
    load(START, environment);
    expect(names.filter((name) => !read.has(name) && name !== "RPC_ADDRESSES")).toEqual([]);
  });

  test("a wrong variable does not stop a program that does not read it", () => {
    const wrong = { DATABASE_URL: "nonsense", REDIS_URL: "nonsense", PASSWORD_HASH: "nonsense" };
    expect(load(HTTP_TIER, wrong).http.port).toBe(9090);
    const foreign = { AVATAR_URL: "nonsense", RPC_TLS_CA: "/nowhere", HTTP_PORT: "nonsense" };
    expect(load(TCP_TIER, foreign).rpc.port).toBe(9091);
  });

  test("a tier's process gets the variables that it reads, and those of other software", () => {
    const all = Object.fromEntries(names.map((name) => [name, "x"]));
    const files = Object.fromEntries(names.map((name) => [`${name}_FILE`, "x"]));
    const environment = {
      ...all,
      ...files,
      PATH: "/bin",
      AWS_SECRET_ACCESS_KEY: "x",
      OTEL_TRACES: "x",
    };
    const http = environmentFor("http", environment);
    const tcp = environmentFor("tcp", environment);
    for (const name of ["DATABASE_URL", "REDIS_URL", "RPC_TLS_KEY", "PASSWORD_PEPPER"])
      expect(http).not.toHaveProperty(name);
    for (const name of ["S3_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "RPC_TLS_CA"]) {
      expect(tcp).not.toHaveProperty(name);
    }
    for (const name of Object.keys(files)) {
      expect(http).not.toHaveProperty(name);
      expect(tcp).not.toHaveProperty(name);
    }
    expect(http).toMatchObject({ PATH: "/bin", OTEL_TRACES: "x", RPC_TLS_CA: "x" });
    expect(tcp).toMatchObject({ PATH: "/bin", OTEL_TRACES: "x", DATABASE_URL: "x" });
  });
});
