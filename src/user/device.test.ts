import { describe, expect, test } from "bun:test";
import { Devices, newDeviceKey } from "./device.ts";

const KEY = newDeviceKey();
const devices = new Devices(KEY);

describe("Devices", () => {
  test("an id is valid for its user, also on another server with the same key", () => {
    const id = devices.newId("grace");
    expect(id).toMatch(/^[\w-]{22}\.[\w-]{43}$/);
    expect(new Devices(KEY).nonceOf("grace", id)).toBe(id.slice(0, 22));
  });

  test("each id is new", () => {
    const ids = Array.from({ length: 100 }, () => devices.newId("grace"));
    expect(new Set(ids).size).toBe(100);
  });

  test("an id is not valid for another user, or under another key", () => {
    const id = devices.newId("grace");
    for (const username of ["Grace", "grac", "gracee", "", "ada1"]) {
      expect(devices.nonceOf(username, id)).toBeUndefined();
    }
    expect(new Devices(newDeviceKey()).nonceOf("grace", id)).toBeUndefined();
  });

  test("the boundary between nonce and username does not move", () => {
    const id = devices.newId("grace");
    const [nonce = "", mac = ""] = id.split(".");
    expect(devices.nonceOf(`${nonce.slice(-1)}grace`, `${nonce.slice(0, -1)}.${mac}`)).toBe(
      undefined,
    );
  });

  test("no changed, cut or invented id is valid", () => {
    const id = devices.newId("grace");
    for (let at = 0; at < id.length; at++) {
      const other = id[at] === "A" ? "B" : "A";
      // The last digit of 256 bits has two unused bits, but the text is compared, not the bits.
      expect(devices.nonceOf("grace", id.slice(0, at) + other + id.slice(at + 1))).toBeUndefined();
      expect(devices.nonceOf("grace", id.slice(0, at))).toBeUndefined();
    }
    for (const invented of [
      "",
      ".",
      `${id}=`,
      `${id} `,
      `${id}.x`,
      "é".repeat(66),
      "x".repeat(1e5),
    ]) {
      expect(devices.nonceOf("grace", invented)).toBeUndefined();
    }
  });
});
