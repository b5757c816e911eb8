import { expect, setDefaultTimeout, test } from "bun:test";
import { Child, Folder } from "./child.ts";

// Processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

test.each([
  ["http", /"msg":"listening"/],
  ["start", /"both tiers are running"/],
  ["dev", /Portico is running/],
])("%s warns once if no proxy is trusted, and starts", async (name, running) => {
  await using folder = await Folder.make();
  const environment = {
    ...{ HTTP_PORT: "0", RPC_PORT: "0", RPC_ADDRESSES: "127.0.0.1:1", HTTP_WORKERS: "2" },
    ...{ DATA_DIR: folder.path, STORAGE: "embedded", PUBLIC_URL: "https://accounts.example.com" },
  };
  await using child = new Child(`src/${name}-main.ts`, { environment });
  await child.waitFor(running);
  child.kill("SIGTERM");
  await child.exited();
  expect(child.output.match(/TRUSTED_PROXIES is not set/g)).toHaveLength(1);
});

test.each(["tcp", "start", "dev"])(
  "%s warns once of databases reached without TLS",
  async (name) => {
    await using folder = await Folder.make();
    const environment = {
      ...{ HTTP_PORT: "0", RPC_PORT: "0", DATA_DIR: folder.path },
      // No server has this address (RFC 5737): the TCP tier waits.
      ...{ DATABASE_URL: "mysql://portico:hopper1906@192.0.2.1/portico" },
      ...{ REDIS_URL: "redis://:hopper1906@192.0.2.1" },
    };
    await using child = new Child(`src/${name}-main.ts`, { environment });
    await child.waitFor(/REDIS_URL is on another machine/);
    await child.waitFor(/waiting for|"msg":"listening"/);
    child.kill("SIGTERM");
    await child.exited();
    expect(child.output.match(/DATABASE_URL is on another machine/g)).toHaveLength(1);
    expect(child.output.match(/REDIS_URL is on another machine/g)).toHaveLength(1);
    expect(child.output).not.toContain("hopper1906");
  },
);
