import { expect, test } from "bun:test";
import { parse, v3, v4 } from "uuid";
import { newSessionId, sessionHandle, uuidV3 } from "./session-id.ts";

test("a session id is a UUID version 3 (RFC 9562), and each is different", () => {
  const ids = Array.from({ length: 10_000 }, () => newSessionId("gräce🙂"));
  for (const id of ids) {
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-3[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
  expect(new Set(ids).size).toBe(ids.length);
});

test("a handle is 128 bits of the SHA-256 of the id", () => {
  // printf 5df41881-3aed-3515-88a7-2f4a814cf09e | sha256sum
  const handle = sessionHandle("5df41881-3aed-3515-88a7-2f4a814cf09e");
  expect(handle).toBe("28738bf97e577e9f16d53a364f1efaf0");
});

test("uuidV3() agrees with the example of the RFC and with the library", () => {
  const dns = parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  expect(uuidV3("www.example.com", dns)).toBe("5df41881-3aed-3515-88a7-2f4a814cf09e");
  for (const name of ["", "grace", "gräce🙂", "x".repeat(1000)]) {
    // All four digits of the variant occur.
    for (let draw = 0; draw < 100; draw++) {
      const namespace = v4(undefined, new Uint8Array(16));
      expect(uuidV3(name, namespace)).toBe(v3(name, namespace));
    }
  }
});
