import { describe, expect, test } from "bun:test";
import { BlockList, connect } from "node:net";
import { recordingLog } from "../../test/storage-pairs.ts";
import { addressIn, ClientAddress } from "./client-address.ts";

const PEER = "10.0.0.1";
const { log: LOG, messages: warnings } = recordingLog();

function trusted(): BlockList {
  const list = new BlockList();
  list.addSubnet("10.0.0.0", 8, "ipv4");
  list.addAddress("fd00::7", "ipv6");
  return list;
}

/** The address of a request from `peer`, with one line of X-Forwarded-For each. */
function addressOf(lines: readonly string[], peer: string | null = PEER, list = trusted()): string {
  const request = new Request("http://here/");
  for (const line of lines) request.headers.append("X-Forwarded-For", line);
  const requestIP = () => peer && { address: peer, family: "IPv4" as const, port: 1 };
  const server = { requestIP: () => requestIP() || null };
  return new ClientAddress(list, LOG).of({ request, server });
}

describe("the address of a browser", () => {
  test("is the peer's own if the peer is no trusted proxy, whatever the header says", () => {
    expect(addressOf(["192.0.2.1"], "198.51.100.4")).toBe("198.51.100.4");
    expect(addressOf(["192.0.2.1"], PEER, new BlockList())).toBe(PEER);
    expect(addressOf(["192.0.2.1"], "::ffff:198.51.100.4")).toBe("198.51.100.4");
  });

  test("is the peer's own if there is no header", () => {
    expect(addressOf([])).toBe(PEER);
  });

  test("is the rightmost entry that is not trusted", () => {
    expect(addressOf(["192.0.2.1"])).toBe("192.0.2.1");
    expect(addressOf(["192.0.2.9, 192.0.2.1"])).toBe("192.0.2.1");
    expect(addressOf(["192.0.2.9,192.0.2.1,10.3.0.1 , 10.2.0.1"])).toBe("192.0.2.1");
    expect(addressOf(["192.0.2.9, 2001:db8::1, fd00::7"])).toBe("2001:db8::1");
  });

  test("is looked for in all lines of the header, last line first", () => {
    expect(addressOf(["192.0.2.9", "192.0.2.1"])).toBe("192.0.2.1");
    expect(addressOf(["192.0.2.9", "192.0.2.1, 10.3.0.1", "10.2.0.1"])).toBe("192.0.2.1");
  });

  test("is the leftmost entry if all are trusted", () => {
    expect(addressOf(["10.4.0.1, 10.3.0.1"])).toBe("10.4.0.1");
    expect(addressOf(["10.4.0.1", "10.3.0.1"], "fd00::7")).toBe("10.4.0.1");
  });

  test("is that of the proxy whose entry is no address, and nothing left of it is read", () => {
    for (const entry of [
      "unknown",
      "",
      " ",
      "_hidden",
      "evil.example",
      "999.1.1.1",
      "1.2.3",
      "[1.2.3.4]",
    ]) {
      expect(addressOf([`192.0.2.9, ${entry}`])).toBe(PEER);
      expect(addressOf([`192.0.2.9, ${entry}, 10.2.0.1`])).toBe("10.2.0.1");
    }
    expect(addressOf([","])).toBe(PEER);
    expect(addressOf(["192.0.2.1,"])).toBe(PEER);
  });

  test("is one text for all spellings of an address, without port, brackets and zone", () => {
    const spellings: Record<string, readonly string[]> = {
      "192.0.2.1": [
        ...["192.0.2.1", "192.0.2.1:80", '"192.0.2.1:80"', "::ffff:192.0.2.1", "::FFFF:c000:201"],
        ...["[::ffff:192.0.2.1]:80", "0:0:0:0:0:ffff:192.0.2.1"],
      ],
      "2001:db8::1": [
        ...["2001:db8::1", "2001:DB8:0:0:0:0:0:1", "[2001:db8::1]", '"[2001:db8::1]:443"'],
        ...["2001:db8::1%eth0", "[2001:db8::1%25eth0]:443"],
      ],
    };
    for (const [address, entries] of Object.entries(spellings)) {
      for (const entry of entries)
        expect({ entry, address: addressOf([entry]) }).toEqual({ entry, address });
    }
  });

  test("is trusted in every spelling", () => {
    expect(addressOf(["192.0.2.1"], "::ffff:10.0.0.1")).toBe("192.0.2.1");
    expect(addressOf(["192.0.2.1, ::ffff:10.9.9.9, [FD00:0::7]:1"])).toBe("192.0.2.1");
  });

  test("is unknown if the browser has gone", () => {
    expect(addressOf(["192.0.2.1"], null)).toBe("unknown");
  });

  test("takes linear time to read from a header of 16 KiB", () => {
    const hostile = [`${":".repeat(16_000)}x`, `"${"[".repeat(16_000)}`, "10.0.0.1,".repeat(1600)];
    for (const line of hostile) {
      // The CPU time of this process: others on the machine do not count.
      const before = process.cpuUsage();
      addressOf([line]);
      addressIn(line);
      expect(process.cpuUsage(before).user / 1000).toBeLessThan(500);
    }
  });

  test("is warned about once if the header comes from a peer that is not trusted", () => {
    const clientAddress = new ClientAddress(undefined, LOG);
    const server = {
      timeout() {},
      requestIP: () => ({ address: PEER, family: "IPv4" as const, port: 1 }),
    };
    const headers = { "X-Forwarded-For": "192.0.2.1" };
    warnings.length = 0;
    clientAddress.of({ request: new Request("http://here/"), server });
    expect(warnings).toEqual([]);
    for (let request = 0; request < 3; request++) {
      clientAddress.of({ request: new Request("http://here/", { headers }), server });
    }
    expect(warnings).toEqual([expect.stringContaining("add it to TRUSTED_PROXIES")]);
  });

  test("comes from a real socket, with the lines of the header as they were sent", async () => {
    const list = new BlockList();
    list.addAddress("127.0.0.1", "ipv4");
    const clientAddress = new ClientAddress(list, LOG);
    using server = Bun.serve({
      hostname: "::",
      port: 0,
      fetch: (request, bun) => new Response(clientAddress.of({ request, server: bun })),
    });
    const { promise, resolve } = Promise.withResolvers<string>();
    const socket = connect(server.port ?? 0, "127.0.0.1");
    socket.on("data", (bytes) => resolve(bytes.toString()));
    const lines = ["X-Forwarded-For: 192.0.2.9", "x-forwarded-for: 192.0.2.1", "Host: here"];
    socket.write(`GET / HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    expect(await promise).toEndWith("\r\n\r\n192.0.2.1");
    socket.destroy();
  });
});
