import { expect, setDefaultTimeout, test } from "bun:test";
import { Child, Folder } from "../child.ts";

// Real processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

// If a tier cannot listen on an address, the message names the variable to change.

const MAINS = {
  "the HTTP tier": ["src/http-main.ts", "HTTP", {}],
  "the TCP tier": ["src/tcp-main.ts", "RPC", {}],
  "bun run start, for the HTTP tier": ["src/start-main.ts", "HTTP", { RPC_PORT: "0" }],
  "bun run start, for its workers": [
    "src/start-main.ts",
    "HTTP",
    { RPC_PORT: "0", HTTP_WORKERS: "2" },
  ],
  "bun run start, for the TCP tier": ["src/start-main.ts", "RPC", { HTTP_PORT: "0" }],
} as const;

for (const [name, [script, prefix, variables]] of Object.entries(MAINS)) {
  /** What it prints if it cannot listen. */
  async function complaint(address: Record<string, string>): Promise<string> {
    await using folder = await Folder.make();
    const environment = {
      DATA_DIR: folder.path,
      RPC_ADDRESSES: "127.0.0.1:1",
      RPC_PLAINTEXT: "allow",
      RPC_TOKEN: "correct horse battery",
      ...variables,
      ...address,
    };
    await using child = new Child(script, { environment });
    expect(await child.exited()).toBe(1);
    expect(child.output.match(/cannot start/g)).toHaveLength(1);
    return /"message":"(Cannot listen [^"]*)"/.exec(child.output)?.[1] ?? child.output;
  }

  test.concurrent(`${name} says which port to set if it is in use`, async () => {
    using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const port = `${taken.port}`;
    const message = await complaint({ [`${prefix}_PORT`]: port });
    expect(message).toStartWith(
      `Cannot listen on 127.0.0.1:${port} (${prefix}_HOST, ${prefix}_PORT): ` +
        `the port is in use. Set ${prefix}_PORT to another`,
    );
  });

  // TEST-NET-1: no machine has it (RFC 5737).
  test.concurrent.each(["192.0.2.1", "no-such-host.invalid"])(
    `${name} blames its host, and not its port, for %s`,
    async (host) => {
      const message = await complaint({ [`${prefix}_HOST`]: host, [`${prefix}_PORT`]: "0" });
      expect(message).toContain(`(${prefix}_HOST): not an address of this machine`);
      expect(message).not.toContain("_PORT");
    },
  );
}
