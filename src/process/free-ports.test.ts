import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { freePorts } from "./free-ports.ts";

const HOST = "127.0.0.1";

/** The first port that the kernel may give to any connection. */
function firstEphemeralPort(): number {
  return Number(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s/)[0]);
}

describe("the ports of `bun run start`", () => {
  test("if any port will do, are ports that no other connection is given", () => {
    for (let round = 0; round < 20; round++) {
      const ports = freePorts({ host: HOST, port: 0 }, { host: HOST, port: 0 }, 3);
      const all = [ports.http, ...ports.rpc];
      expect(new Set(all).size).toBe(4);
      for (const port of all) expect(port).toBeLessThan(Math.min(firstEphemeralPort(), 32_768));
    }
  });

  test("follow each other from the port that is set", () => {
    const { rpc } = freePorts({ host: HOST, port: 0 }, { host: HOST, port: 0 }, 1);
    const port = rpc[0] ?? 0;
    expect(freePorts({ host: HOST, port: 0 }, { host: HOST, port }, 1).rpc).toEqual([port]);
  });

  test("name the variable of a host that cannot be used, at once", () => {
    const start = performance.now();
    const wrong = { host: "host.invalid", port: 0 };
    expect(() => freePorts(wrong, { host: HOST, port: 0 }, 1)).toThrow(/HTTP_HOST/);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
