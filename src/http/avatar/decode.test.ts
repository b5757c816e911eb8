import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createCipheriv } from "node:crypto";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { displayProfile, greyProfile, jpegWith, pngWith } from "../../../test/icc-profile.ts";
import { decodePicture } from "./decode.ts";
import { PictureError } from "./picture-file.ts";
import { MAX_PICTURE_BYTES } from "./store.ts";

// Decoding large pictures on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const CASES = join(import.meta.dir, "../../../test/pictures");
const caseOf = (name: string) => Bun.file(join(CASES, name)).bytes();

type Rgba = readonly [number, number, number, number];

/** Pixels in RGBA. */
interface Raster {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

const pixelAt = ({ width, data }: Raster, x: number, y: number): number[] => [
  ...data.subarray(4 * (y * width + x), 4 * (y * width + x) + 4),
];

function raster(width: number, height: number, at: (x: number, y: number) => Rgba): Raster {
  const data = new Uint8Array(4 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set(at(x, y), 4 * (y * width + x));
  }
  return { width, height, data };
}

const imageOf = ({ data, width, height }: Raster) =>
  sharp(data, { raw: { width, height, channels: 4 } });

/** As sharp itself renders a file, whole and upright. */
async function rendered(file: Uint8Array): Promise<Raster> {
  const upright = sharp(file, { autoOrient: true }).toColourspace("srgb").ensureAlpha().raw();
  const { data, info } = await upright.toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

/** The square in the middle, made smaller by averages over whole pixels, with alpha as weight. */
function reduced(whole: Raster, side: number): Raster {
  const edge = Math.min(whole.width, whole.height);
  const left = Math.floor((whole.width - edge) / 2);
  const top = Math.floor((whole.height - edge) / 2);
  return raster(side, side, (x, y) => {
    const [fromX, toX] = [Math.floor((x * edge) / side), Math.floor(((x + 1) * edge) / side)];
    const [fromY, toY] = [Math.floor((y * edge) / side), Math.floor(((y + 1) * edge) / side)];
    let [r, g, b, a] = [0, 0, 0, 0];
    for (let py = fromY; py < toY; py++) {
      for (let px = fromX; px < toX; px++) {
        const at = 4 * ((top + py) * whole.width + left + px);
        const alpha = whole.data[at + 3] ?? 0;
        r += (whole.data[at] ?? 0) * alpha;
        g += (whole.data[at + 1] ?? 0) * alpha;
        b += (whole.data[at + 2] ?? 0) * alpha;
        a += alpha;
      }
    }
    const count = (toX - fromX) * (toY - fromY);
    return a === 0 ? [0, 0, 0, 0] : [r / a, g / a, b / a, a / count];
  });
}

/** How far two are apart where it is worst, and on average, as they show on black and on white. */
function distance(one: Raster, other: Raster): { readonly worst: number; readonly mean: number } {
  expect([one.width, one.height]).toEqual([other.width, other.height]);
  let worst = 0;
  let sum = 0;
  for (let at = 0; at < one.data.length; at += 4) {
    const alpha = (one.data[at + 3] ?? 0) / 255;
    const otherAlpha = (other.data[at + 3] ?? 0) / 255;
    // What shows through of a white ground, and of a black one.
    for (const ground of [255 * (otherAlpha - alpha), 0]) {
      for (let channel = at; channel < at + 3; channel++) {
        const shown = (one.data[channel] ?? 0) * alpha;
        const apart = Math.abs(shown - (other.data[channel] ?? 0) * otherAlpha + ground);
        worst = Math.max(worst, apart);
        sum += apart;
      }
    }
  }
  return { worst, mean: sum / (one.data.length / 4) / 6 };
}

/** The most red that shows on a black ground. */
function brightestOf({ data }: Raster): number {
  let brightest = 0;
  for (let at = 0; at < data.length; at += 4) {
    brightest = Math.max(brightest, ((data[at] ?? 0) * (data[at + 3] ?? 0)) / 255);
  }
  return brightest;
}

async function decoded(file: Uint8Array): Promise<Raster> {
  const picture = await decodePicture(new Uint8Array(file));
  expect(picture.length).toBeLessThanOrEqual(MAX_PICTURE_BYTES);
  const metadata = await sharp(picture).metadata();
  expect([metadata.format, metadata.pages]).toEqual(["webp", undefined]);
  for (const extra of ["exif", "icc", "xmp", "iptc", "orientation"] as const) {
    expect(metadata[extra]).toBeUndefined();
  }
  expect(metadata.width).toBe(metadata.height);
  return rendered(picture);
}

/** What decoding makes of a file is what sharp makes of it, but for its size. */
async function expectSame(file: Uint8Array, limits: { worst: number; mean: number }) {
  const [shown, whole] = [await decoded(file), await rendered(file)];
  expect(shown.width).toBe(Math.min(512, whole.width, whole.height));
  const { worst, mean } = distance(shown, reduced(whole, shown.width));
  expect(worst).toBeLessThanOrEqual(limits.worst);
  expect(mean).toBeLessThanOrEqual(limits.mean);
}

const EXACT = { worst: 0, mean: 0 };

async function faultOf(file: Uint8Array): Promise<string> {
  const error = await decodePicture(new Uint8Array(file)).then(
    () => undefined,
    (error: unknown) => error,
  );
  return error instanceof PictureError ? error.fault : `no fault: ${error}`;
}

describe("a file of a real user", () => {
  test.each([
    ["animated.webp", EXACT],
    ["red-cross-16.png", EXACT],
    ["black-disc-on-transparent-white.png", { worst: 40, mean: 0.5 }],
    ["orientation-6.jpeg", { worst: 24, mean: 1.5 }],
    ["orientation-6.png", { worst: 24, mean: 1.5 }],
    ["orientation-6.webp", { worst: 24, mean: 1.5 }],
    ["small.avif", { worst: 24, mean: 1.5 }],
    ["phone-24-megapixels.jpeg", { worst: 24, mean: 1.5 }],
  ])("%s comes out as sharp renders it", async (name, limits) => {
    await expectSame(await caseOf(name), limits);
  });

  test("is refused for 5,000 scans before they are decoded", async () => {
    expect(await faultOf(await caseOf("5000-scans.jpeg"))).toBe("scans");
  });

  test("with a transparent background has no fringe of its colour", async () => {
    const shown = await decoded(await caseOf("black-disc-on-transparent-white.png"));
    expect(brightestOf(shown)).toBeLessThan(12);
  });

  test("that draws a part of its canvas is transparent around it", async () => {
    const shown = await decoded(await caseOf("small-frame.gif"));
    const isDrawn = (x: number, y: number) => x >= 30 && x < 70 && y >= 30 && y < 70;
    const wanted = raster(100, 100, (x, y) => (isDrawn(x, y) ? RED : NOTHING));
    expect(distance(shown, wanted)).toEqual(EXACT);
  });

  test("that draws beyond its canvas is transparent around it, too", async () => {
    const file = Buffer.from(await caseOf("small-frame.gif"));
    file.writeUInt16LE(50, 6);
    file.writeUInt16LE(50, 8);
    const shown = await decoded(file);
    const wanted = raster(70, 70, (x, y) => (x >= 30 && y >= 30 ? RED : NOTHING));
    expect(distance(shown, wanted)).toEqual(EXACT);
  });
});

const RED: Rgba = [255, 0, 0, 255];
const NOTHING: Rgba = [0, 0, 0, 0];
const CORNERS: readonly [Rgba, Rgba, Rgba, Rgba] = [
  RED,
  [0, 160, 0, 255],
  [0, 0, 255, 255],
  [240, 240, 0, 255],
];

/** Another colour in each corner, and a white mark off the centre. */
const SCENE = raster(96, 64, (x, y) => {
  if (x >= 56 && x < 64 && y >= 8 && y < 16) return [255, 255, 255, 255];
  return CORNERS[(y < 32 ? 0 : 2) + (x < 48 ? 0 : 1)] ?? NOTHING;
});
const scene = () => imageOf(SCENE).removeAlpha();

/** How a picture lies in a file of this orientation (EXIF 2.3, 4.6.4 A), to be shown upright. */
function stored({ width, height, data }: Raster, orientation: number): Raster {
  const isTurned = orientation >= 5;
  const source = { width, height, data };
  return raster(isTurned ? height : width, isTurned ? width : height, (x, y) => {
    const [column, row] = isTurned ? [y, x] : [x, y];
    const isFromRight = [2, 3, 6, 7].includes(orientation);
    const isFromBottom = [3, 4, 7, 8].includes(orientation);
    const [r = 0, g = 0, b = 0, a = 0] = pixelAt(
      source,
      isFromRight ? width - 1 - column : column,
      isFromBottom ? height - 1 - row : row,
    );
    return [r, g, b, a];
  });
}

describe("EXIF orientation", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])("%d is applied in every format that has it", async (tag) => {
    const turned = () =>
      imageOf(stored(SCENE, tag)).removeAlpha().withMetadata({ orientation: tag });
    const wanted = reduced(SCENE, 64);
    const jpeg = await turned().jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer();
    expect(distance(await decoded(jpeg), wanted).worst).toBeLessThan(8);
    for (const file of [turned().png(), turned().webp({ lossless: true })]) {
      expect(distance(await decoded(await file.toBuffer()), wanted)).toEqual(EXACT);
    }
  });

  test("is applied in a PNG that has it after its pixels", async () => {
    const turned = imageOf(stored(SCENE, 6)).removeAlpha().withMetadata({ orientation: 6 });
    const file = await turned.png().toBuffer();
    const begin = file.indexOf("eXIf") - 4;
    const exif = file.subarray(begin, begin + 12 + file.readUInt32BE(begin));
    const withoutEnd = file.subarray(begin + exif.length, -12);
    const late = Buffer.concat([file.subarray(0, begin), withoutEnd, exif, file.subarray(-12)]);
    expect(distance(await decoded(late), reduced(SCENE, 64))).toEqual(EXACT);
  });

  test("is applied if the picture is scaled down, too", async () => {
    const large = raster(1200, 900, (x, y) => (x < 600 && y < 450 ? RED : [0, 0, 255, 255]));
    for (const tag of [3, 6, 8]) {
      const image = imageOf(stored(large, tag)).removeAlpha().withMetadata({ orientation: tag });
      for (const file of [image.clone().jpeg({ quality: 95 }), image.clone().png()]) {
        const shown = await decoded(await file.toBuffer());
        expect(distance(shown, reduced(large, 512)).mean).toBeLessThan(3);
      }
    }
  });
});

describe("colours", () => {
  test.each<[string, (image: Sharp) => Sharp, number]>([
    ["a grey PNG", (image) => image.toColourspace("b-w").png(), 0],
    ["a grey JPEG", (image) => image.toColourspace("b-w").jpeg({ quality: 100 }), 4],
    ["a PNG with a palette", (image) => image.png({ palette: true, colours: 8, dither: 0 }), 0],
    ["a 16-bit PNG", (image) => image.toColourspace("rgb16").png(), 0],
    ["a 16-bit grey PNG", (image) => image.toColourspace("grey16").png(), 0],
    ["an interlaced PNG", (image) => image.png({ progressive: true }), 0],
    ["a progressive JPEG", (image) => image.jpeg({ progressive: true, quality: 100 }), 24],
    ["a GIF", (image) => image.gif({ dither: 0 }), 8],
    ["a lossless AVIF", (image) => image.avif({ lossless: true, effort: 0 }), 4],
    ["an AVIF of 10 bits", (image) => image.avif({ quality: 95, bitdepth: 10, effort: 0 }), 24],
    ["a CMYK JPEG", (image) => image.toColourspace("cmyk").jpeg({ quality: 100 }), 8],
  ])("of %s are those that sharp renders", async (_, encode, worst) => {
    await expectSame(await encode(scene()).toBuffer(), { worst, mean: worst });
  });

  const upright = reduced(SCENE, 64);
  const swapped = displayProfile(["green", "blue", "red"]);
  /** As a file has the scene whose first channel is green, the second blue and the third red. */
  const swappedScene = () =>
    imageOf(
      raster(SCENE.width, SCENE.height, (x, y) => {
        const [r = 0, g = 0, b = 0, a = 0] = pixelAt(SCENE, x, y);
        return [g, b, r, a];
      }),
    ).removeAlpha();

  test("are those of the profile in the file", async () => {
    const jpeg = await swappedScene().jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer();
    const png = await swappedScene().png().toBuffer();
    const deep = await swappedScene().toColourspace("rgb16").png().toBuffer();
    const files = [jpegWith(jpeg, swapped), pngWith(png, swapped), pngWith(deep, swapped)];
    for (const file of files) {
      expect((await sharp(file).metadata()).hasProfile).toBe(true);
      expect(distance(await decoded(file), upright).worst).toBeLessThan(12);
    }
    // Without it, they are far off.
    expect(distance(await decoded(png), upright).worst).toBeGreaterThan(200);
  });

  test.each(["jpeg", "png", "webp", "avif"] as const)(
    "of Display P3 in %s are kept",
    async (to) => {
      const image = scene().withIccProfile("p3");
      const options = { quality: 100, chromaSubsampling: "4:4:4", lossless: true, effort: 0 };
      const file = await image.toFormat(to, to === "png" ? {} : options).toBuffer();
      expect((await sharp(file).metadata()).hasProfile).toBe(true);
      expect(distance(await decoded(file), upright).mean).toBeLessThan(3);
    },
  );

  test("of greys with a profile of their own are those of the profile", async () => {
    const grey = imageOf(raster(32, 32, () => [128, 128, 128, 255]))
      .removeAlpha()
      .greyscale();
    const png = await grey.clone().toColourspace("b-w").png().toBuffer();
    const deep = await grey.clone().toColourspace("grey16").png().toBuffer();
    const jpeg = await grey.clone().toColourspace("b-w").jpeg().toBuffer();
    const linear = greyProfile(1);
    for (const file of [pngWith(png, linear), pngWith(deep, linear), jpegWith(jpeg, linear)]) {
      const [value = 0] = pixelAt(await decoded(file), 16, 16);
      expect(Math.abs(value - 188)).toBeLessThan(3);
    }
  });

  test("are kept if the profile cannot be read", async () => {
    const broken = Buffer.from("no profile at all");
    const png = await scene().png().toBuffer();
    expect(distance(await decoded(pngWith(png, broken)), upright)).toEqual(EXACT);
    const jpeg = await scene().jpeg({ quality: 100 }).toBuffer();
    await expectSame(jpegWith(jpeg, broken), { worst: 60, mean: 2 });
  });
});

describe("transparency", () => {
  /** A soft disc on a ground whose colour, unseen, is the opposite. */
  const disc = raster(600, 600, (x, y) => {
    const alpha = Math.max(0, Math.min(1, 200 - Math.hypot(x - 300, y - 300)));
    return alpha === 0 ? [255, 255, 255, 0] : [0, 0, 0, Math.round(255 * alpha)];
  });

  test.each<[string, (image: Sharp) => Sharp]>([
    ["PNG", (image) => image.png()],
    ["WebP", (image) => image.webp({ quality: 90 })],
    ["lossless WebP", (image) => image.webp({ lossless: true, exact: true })],
    ["AVIF", (image) => image.avif({ quality: 80, effort: 0 })],
    ["GIF", (image) => image.gif()],
  ])("in %s has no fringe", async (_, encode) => {
    const shown = await decoded(await encode(imageOf(disc)).toBuffer());
    expect(pixelAt(shown, 1, 1)[3]).toBe(0);
    expect(pixelAt(shown, 256, 256)).toEqual([0, 0, 0, 255]);
    expect(brightestOf(shown)).toBeLessThan(16);
  });
});

describe("a file of several frames", () => {
  const frames = [RED, [0, 255, 0, 255] as const].map((colour) => raster(150, 150, () => colour));
  const stills = Promise.all(frames.map((frame) => imageOf(frame).png().toBuffer()));
  const all = async () => sharp(await stills, { join: { animated: true } });

  test("shows the first one", async () => {
    for (const file of [(await all()).webp({ lossless: true }), (await all()).gif()]) {
      const bytes = await file.toBuffer();
      expect((await sharp(bytes).metadata()).pages).toBe(2);
      const { worst } = distance(await decoded(bytes), reduced(frames[0] ?? SCENE, 150));
      expect(worst).toBeLessThan(4);
    }
  });
});

describe("an AVIF", () => {
  test("of several frames shows the first one", async () => {
    const shown = await decoded(await caseOf("animated.avif"));
    expect(pixelAt(shown, 2, 2)[3]).toBe(0);
    const [red = 0, green = 0, , alpha] = pixelAt(shown, 50, 50);
    expect([red > 240, green < 16, alpha]).toEqual([true, true, 255]);
  });

  test.each(["avis", "mif1", "msf1", "miaf"])("whose first brand is %s is one", async (brand) => {
    const file = await caseOf("small.avif");
    const branded = Buffer.from(file);
    branded.write(brand, 8, "latin1");
    expect(await decoded(branded)).toEqual(await decoded(file));
  });

  test("whose brands are those of an animation alone is one", async () => {
    const file = await caseOf("small.avif");
    const text = Buffer.from(file).toString("latin1").replaceAll("avif", "avis");
    expect(await decoded(Buffer.from(text, "latin1"))).toEqual(await decoded(file));
  });

  test("that declares more than 32,000,000 pixels is refused", async () => {
    const file = Buffer.from(await caseOf("32-megapixels.avif"));
    const size = file.indexOf("ispe") + 8;
    file.writeUInt32BE(8000, size);
    file.writeUInt32BE(4001, size + 4);
    // A decoder that began would find it broken, since its pixels are fewer.
    expect(await faultOf(file)).toBe("pixels");
  });
});

describe("a file that is not quite right", () => {
  const photo = () => {
    const noise = { type: "gaussian", mean: 128, sigma: 40 } as const;
    return sharp({ create: { width: 300, height: 200, channels: 3, background: "red", noise } });
  };

  test("is taken if its picture is complete", async () => {
    const jpeg = await photo().jpeg().toBuffer();
    const progressive = await photo().jpeg({ progressive: true }).toBuffer();
    const png = await photo().png().toBuffer();
    const gif = await photo().gif().toBuffer();
    const rubbish = Buffer.alloc(24, 7);
    const end = Buffer.of(0xff, 0xd9);
    for (const file of [
      jpeg.subarray(0, -2),
      progressive.subarray(0, -2),
      Buffer.concat([jpeg, rubbish]),
      Buffer.concat([jpeg.subarray(0, -2), rubbish, end]),
      Buffer.concat([progressive.subarray(0, -2), rubbish, end]),
      Buffer.concat([jpeg.subarray(0, 20), rubbish, jpeg.subarray(20)]),
      png.subarray(0, -12),
      gif.subarray(0, -1),
    ]) {
      expect((await decoded(file)).width).toBe(200);
    }
  });

  test("is refused if a part of its picture is missing", async () => {
    for (const image of [
      photo().jpeg(),
      photo().jpeg({ progressive: true }),
      photo().png(),
      photo().png({ progressive: true }),
      photo().gif(),
      photo().webp(),
      photo().webp({ lossless: true }),
      photo().avif({ effort: 0 }),
    ]) {
      const file = await image.toBuffer();
      for (const part of [0.3, 0.6, 0.95]) {
        expect(await faultOf(file.subarray(0, Math.floor(file.length * part)))).toBe("broken");
      }
    }
  });

  test("and noise with noisy transparency stays below MAX_PICTURE_BYTES", async () => {
    const key = Buffer.alloc(16);
    const noise = createCipheriv("aes-128-ctr", key, key).update(Buffer.alloc(512 * 512 * 4));
    // Noise of lightness in each pixel, and of hue in each 2 by 2 of them: less is not enough.
    const worst = raster(512, 512, (x, y) => {
      const [, hue = 0] = pixelAt({ width: 512, height: 512, data: noise }, x & ~1, y & ~1);
      const at = 4 * (y * 512 + x);
      const light = (noise[at] ?? 0) < 145 ? 255 : 0;
      return [hue < 118 ? 0 : light, light, hue < 118 ? light : 0, noise[at + 3] ?? 0];
    });
    const usual = await imageOf(worst).webp({ quality: 82, smartSubsample: true }).toBuffer();
    expect(usual.length).toBeGreaterThan(MAX_PICTURE_BYTES);
    const shown = await decoded(await imageOf(worst).png().toBuffer());
    expect(shown.width).toBe(512);
  });
});
