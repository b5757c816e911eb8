import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import {
  gifOf,
  jpegOf,
  jpegSegment,
  pngChunk,
  pngOf,
  webpOf,
} from "../../../test/contract/images.ts";
import { PictureError, readPictureFile } from "./picture-file.ts";

// Small files that cost a decoder much, by what they hold beside their picture.

setDefaultTimeout(60_000);

const RED = [220, 30, 40] as const;
const MAX_FILE_BYTES = 8 * 1024 * 1024;

const read = (file: Uint8Array) => readPictureFile(new Uint8Array(file));

/** What is left of a file is small, and the picture of before. */
async function expectTidy(file: Uint8Array, original: Uint8Array): Promise<void> {
  expect(file.length).toBeLessThanOrEqual(MAX_FILE_BYTES);
  const { bytes } = read(file);
  expect(bytes.length).toBeLessThanOrEqual(original.length + 70_000);
  const [shown, wanted] = await Promise.all(
    [bytes, original].map((each) => sharp(each).ensureAlpha().raw().toBuffer()),
  );
  expect(shown).toEqual(wanted ?? Buffer.alloc(0));
}

/** As many copies as a file of 8 MiB has room for beside `rest`. */
function filling(part: Buffer, rest: Uint8Array): Buffer {
  const count = Math.floor((MAX_FILE_BYTES - rest.length) / part.length);
  return Buffer.alloc(count * part.length, part);
}

const insert = (file: Uint8Array, at: number, ...parts: Buffer[]) =>
  Buffer.concat([file.subarray(0, at), ...parts, file.subarray(at)]);

const PNG = pngOf(40, 30, RED);
const BEHIND_IHDR = 33;
const BOMB = deflateSync(Buffer.alloc(512 * 1024 * 1024));

describe("a PNG", () => {
  const zipped = (type: string, head: string) =>
    pngChunk(type, Buffer.concat([Buffer.from(head, "latin1"), BOMB]));
  test.each([
    ["a text of half a gigabyte, zipped", [zipped("zTXt", "Comment\0\0")]],
    ["an international text, zipped", [zipped("iTXt", "Comment\0\x01\0\0\0")]],
    ["half a million texts", [filling(pngChunk("tEXt", Buffer.from("a\0")), PNG)]],
    ["half a million chunks of its own", [filling(pngChunk("abCd", Buffer.alloc(0)), PNG)]],
    ["EXIF of megabytes", [pngChunk("eXIf", Buffer.alloc(4_000_000, "MM\0*"))]],
    ["frames by the thousand", [filling(pngChunk("fdAT", Buffer.alloc(9)), PNG)]],
    ["palettes by the hundred thousand", [filling(pngChunk("PLTE", Buffer.alloc(6)), PNG)]],
  ])("with %s is its picture alone", async (_, chunks) => {
    await expectTidy(insert(PNG, BEHIND_IHDR, ...chunks), PNG);
  });
});

describe("a JPEG", () => {
  const BEHIND_SOI = 2;
  const app = (marker: number, text: string, bytes = 60_000) =>
    jpegSegment(marker, Buffer.concat([Buffer.from(text, "latin1"), Buffer.alloc(bytes)]));

  test.each([
    [
      "comments by the million",
      (file: Buffer) => filling(jpegSegment(0xfe, Buffer.alloc(0)), file),
    ],
    ["EXIF a hundred times", (file: Buffer) => filling(app(0xe1, "Exif\0\0MM\0*"), file)],
    ["XMP a hundred times", (file: Buffer) => filling(app(0xe1, "http://ns.adobe.com/xap/"), file)],
    ["pictures of its own", (file: Buffer) => filling(app(0xe2, "MPF\0"), file)],
  ])("with %s is its picture alone", async (_, extra) => {
    const file = await jpegOf(40, 30, RED);
    await expectTidy(insert(file, BEHIND_SOI, extra(file)), file);
  });

  test("with another picture after it is the first one", async () => {
    const other = await jpegOf(90, 80, RED);
    // Of a progressive one, a decoder looks for further scans.
    for (const one of [await jpegOf(40, 30, RED), await progressive()]) {
      await expectTidy(Buffer.concat([one, other]), one);
    }
  });

  test("may have 100 scans and no more", async () => {
    const [head, scan] = await scansOfProgressive();
    const withScans = (count: number) => () =>
      read(Buffer.concat([head, Buffer.alloc(count * scan.length, scan), Buffer.of(0xff, 0xd9)]));
    expect(withScans(100)).not.toThrow();
    expect(withScans(101)).toThrow(new PictureError("scans"));
  });
});

const progressive = () => sharp(PNG).jpeg({ progressive: true }).toBuffer();

/** What comes before the first scan of a progressive JPEG, and that scan. */
async function scansOfProgressive(): Promise<[head: Buffer, scan: Buffer]> {
  const file = await progressive();
  const begin = file.indexOf(Buffer.of(0xff, 0xda));
  const end = file.indexOf(Buffer.of(0xff, 0xc4), begin);
  return [file.subarray(0, begin), file.subarray(begin, end)];
}

describe("a GIF", () => {
  test("with frames by the hundred thousand is its first one", async () => {
    const file = gifOf(RED);
    const frame = file.subarray(19, -1);
    expect(frame[0]).toBe(0x2c);
    await expectTidy(insert(file, file.length - 1, filling(frame, file)), file);
  });

  test("with comments by the million is its picture alone", async () => {
    const file = gifOf(RED);
    await expectTidy(insert(file, 19, filling(Buffer.of(0x21, 0xfe, 1, 65, 0), file)), file);
  });
});

describe("a WebP", () => {
  const chunk = (type: string, data: Buffer) => {
    const head = Buffer.alloc(8);
    head.write(type, "latin1");
    head.writeUInt32LE(data.length, 4);
    return Buffer.concat([head, data, Buffer.alloc(data.length % 2)]);
  };
  const riff = (...chunks: Buffer[]) =>
    chunk("RIFF", Buffer.concat([Buffer.from("WEBP"), ...chunks]));

  test("with frames by the hundred thousand is its first one", async () => {
    const still = await webpOf(40, 30, RED);
    const frame = chunk("ANMF", Buffer.concat([frameHead(40, 30), still.subarray(12)]));
    const canvas = chunk("VP8X", Buffer.from([2, 0, 0, 0, 39, 0, 0, 29, 0, 0]));
    const head = [canvas, chunk("ANIM", Buffer.alloc(6))];
    const file = riff(...head, filling(frame, Buffer.alloc(200)));
    await expectTidy(file, riff(...head, frame));
  });

  test("with EXIF or XMP of megabytes is its picture alone", async () => {
    const file = await webpOf(40, 30, RED);
    const canvas = chunk("VP8X", Buffer.from([12, 0, 0, 0, 39, 0, 0, 29, 0, 0]));
    const extra = ["EXIF", "XMP "].map((type) => chunk(type, Buffer.alloc(3_000_000)));
    await expectTidy(riff(canvas, file.subarray(12), ...extra), file);
  });

  function frameHead(width: number, height: number): Buffer {
    const head = Buffer.alloc(16);
    head.writeUIntLE(width - 1, 6, 3);
    head.writeUIntLE(height - 1, 9, 3);
    head.writeUIntLE(100, 12, 3);
    return head;
  }
});

describe("a file", () => {
  test.each<[string, string | Buffer, string]>([
    ["HEIC", "\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"],
    ["HEIC of Samsung", "\0\0\0\x14ftypmif1\0\0\0\0heic", "heic"],
    ["HEIC of several pictures", "\0\0\0\x14ftypmsf1\0\0\0\0hevc", "heic"],
    ["a film", "\0\0\0\x14ftypmp42\0\0\0\0isom", "format"],
    ["BMP", "BM123456", "format"],
    ["SVG", "<svg/>", "format"],
    ["TIFF", "II*\0", "format"],
    ["nothing", "", "format"],
    ["JPEG XL", Buffer.of(0xff, 0x0a), "format"],
    ["JPEG 2000", "\0\0\0\x0cjP  \r\n\x87\n", "format"],
    ["WAV", "RIFF\x10\0\0\0WAVEfmt ", "format"],
  ])("of %s is refused with its own fault", (_, file, fault) => {
    const bytes = typeof file === "string" ? Buffer.from(file, "latin1") : file;
    expect(() => read(bytes)).toThrow(new PictureError(fault === "heic" ? "heic" : "format"));
  });

  test("cut or changed anywhere is read or refused quickly", async () => {
    const files = [PNG, await jpegOf(40, 30, RED), gifOf(RED), await webpOf(40, 30, RED)];
    for (const file of files) {
      for (let at = 0; at < file.length; at++) {
        const changed = Buffer.from(file);
        changed[at] = 0xff;
        for (const each of [file.subarray(0, at), changed]) {
          try {
            read(each);
          } catch (error) {
            expect(error).toBeInstanceOf(PictureError);
          }
        }
      }
    }
  });
});
