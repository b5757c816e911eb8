import { expect, test } from "bun:test";
import { rotatingLookup } from "./rotation.ts";

const ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  "cluster.internal": ["10.0.0.1", "10.0.0.2", "10.0.0.3"],
  "one.internal": ["10.0.0.1"],
};

test("a name with several addresses gets each of them in turn; others are kept", async () => {
  const lookup = rotatingLookup(1, (host, _options, found) => {
    const known = ADDRESSES[host];
    if (known)
      found(
        null,
        known.map((address) => ({ address })),
      );
    else found(new Error("ENOTFOUND"), []);
  });
  const find = (host: string) =>
    new Promise((resolve) => lookup(host, (_error, address) => resolve(address)));
  const found: unknown[] = [];
  for (let i = 0; i < 4; i++) found.push(await find("cluster.internal"));
  expect(found).toEqual(["10.0.0.2", "10.0.0.3", "10.0.0.1", "10.0.0.2"]);
  expect(await find("one.internal")).toBe("one.internal");
  expect(await find("gone.internal")).toBe("gone.internal");
});
