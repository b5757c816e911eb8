// Colour profiles that no camera has: they show whether a profile is heeded.
import { deflateSync } from "node:zlib";
import { jpegSegment, pngChunk } from "./contract/images.ts";

/** What the primaries are in XYZ, as sRGB has them (adapted to D50). */
const PRIMARIES = {
  red: [0.4361, 0.2225, 0.0139],
  green: [0.3851, 0.7169, 0.0971],
  blue: [0.1431, 0.0606, 0.7141],
} as const;

type Primary = keyof typeof PRIMARIES;

/** A profile of a display whose channels have these colours, in place of red, green and blue. */
export function displayProfile(channels: readonly [Primary, Primary, Primary]): Buffer {
  const [red, green, blue] = channels.map((name) => xyz(PRIMARIES[name]));
  return profile("RGB ", [
    ["rXYZ", red],
    ["gXYZ", green],
    ["bXYZ", blue],
    ["rTRC", gamma(2.2)],
    ["gTRC", gamma(2.2)],
    ["bTRC", gamma(2.2)],
  ]);
}

/** A profile of greys, which are darker or brighter than usual. */
export function greyProfile(exponent: number): Buffer {
  return profile("GRAY", [["kTRC", gamma(exponent)]]);
}

/** A JPEG with this profile: its pixels stay. */
export function jpegWith(jpeg: Buffer, icc: Buffer): Buffer {
  const data = Buffer.concat([Buffer.from("ICC_PROFILE\0\x01\x01", "latin1"), icc]);
  return Buffer.concat([jpeg.subarray(0, 2), jpegSegment(0xe2, data), jpeg.subarray(2)]);
}

/** A PNG with this profile: its pixels stay. */
export function pngWith(png: Buffer, icc: Buffer): Buffer {
  const data = Buffer.concat([Buffer.from("icc\0\0", "latin1"), deflateSync(icc)]);
  // Behind the signature and the header.
  return Buffer.concat([png.subarray(0, 33), pngChunk("iCCP", data), png.subarray(33)]);
}

function profile(space: "RGB " | "GRAY", tags: readonly [string, Buffer | undefined][]): Buffer {
  const all = [...tags, ["wtpt", xyz([0.9642, 1, 0.8249])] as const];
  const table = Buffer.alloc(4 + 12 * all.length);
  table.writeUInt32BE(all.length);
  let at = 128 + table.length;
  for (const [index, [name, data = Buffer.alloc(0)]] of all.entries()) {
    table.write(name, 4 + 12 * index, "latin1");
    table.writeUInt32BE(at, 8 + 12 * index);
    table.writeUInt32BE(data.length, 12 + 12 * index);
    at += data.length;
  }
  const header = Buffer.alloc(128);
  header.writeUInt32BE(at);
  header.writeUInt32BE(0x0210_0000, 8);
  header.write(`mntr${space}XYZ `, 12, "latin1");
  header.write("acsp", 36, "latin1");
  xyz([0.9642, 1, 0.8249]).copy(header, 68, 8);
  return Buffer.concat([header, table, ...all.map(([, data = Buffer.alloc(0)]) => data)]);
}

function xyz(values: readonly number[]): Buffer {
  const data = Buffer.alloc(20);
  data.write("XYZ ", "latin1");
  for (const [index, value] of values.entries()) {
    data.writeInt32BE(Math.round(value * 65_536), 8 + 4 * index);
  }
  return data;
}

function gamma(exponent: number): Buffer {
  const data = Buffer.alloc(16);
  data.write("curv", "latin1");
  data.writeUInt32BE(1, 8);
  data.writeUInt16BE(Math.round(exponent * 256), 12);
  return data;
}
