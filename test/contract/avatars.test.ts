import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Answer, Api, chunked, ENDPOINTS, isRecord, newMember, profileOf } from "./client.ts";
import {
  avatarForm,
  avifOf,
  blackPng,
  gifOf,
  jpegOf,
  meanColour,
  pngOf,
  pngText,
  webpOf,
  withExif,
} from "./images.ts";
import { describePicturePairs, sharedStack } from "./pairs.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const RED = [220, 30, 40] as const;
const SECRET = "48.8584N 2.2945E";
const SCRIPT = "<script>alert(document.cookie)</script>";
const FILE_LIMIT = 8 * 1024 * 1024;

/** The path in a successful answer: its only key. */
function pathIn(answer: Answer): string {
  expect([answer.code, answer.status]).toEqual(["7", 200]);
  if (!isRecord(answer.data)) throw new Error(`No profilePath: ${answer.text}`);
  expect(Object.keys(answer.data)).toEqual(["profilePath"]);
  const { profilePath } = answer.data;
  if (typeof profilePath !== "string") throw new Error(`No profilePath: ${answer.text}`);
  return profilePath;
}

interface Served {
  readonly type: string | null;
  readonly bytes: Buffer;
}

/** The picture of that name, from anybody's browser. */
async function servedAt(url: string, profilePath: string): Promise<Served> {
  // Bare: nothing in it has a meaning in a path.
  expect(profilePath).toMatch(/^[A-Za-z0-9_-]+\.[a-z]+$/);
  const response = await new Api(url).fetch("GET", `/avatars/${profilePath}`);
  expect(response.status).toBe(200);
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  return {
    type: response.headers.get("content-type"),
    bytes: Buffer.from(await response.arrayBuffer()),
  };
}

describePicturePairs("avatars", (pair) => {
  const shared = sharedStack(pair);
  const upload = async (form: FormData) => {
    const member = await newMember(shared.stack);
    const profilePath = pathIn(await member.api.avatar(form));
    return { ...member, profilePath, ...(await servedAt(shared.stack.url, profilePath)) };
  };

  test.each([
    [1024, 768, 512],
    [300, 600, 300],
    [20, 10, 10],
  ])("of %p by %p pixels are served as a square of %p", async (width, height, side) => {
    const { bytes } = await upload(avatarForm(pngOf(width, height, RED)));
    const metadata = await new Bun.Image(bytes).metadata();
    expect([metadata.width, metadata.height]).toEqual([side, side]);
  });

  test("of new users are the same default picture", async () => {
    const one = await newMember(shared.stack);
    const other = await newMember(shared.stack);
    const { profilePath } = profileOf(await one.api.userInfo());
    expect(profileOf(await other.api.userInfo()).profilePath).toBe(profilePath);
    const { type, bytes } = await servedAt(shared.stack.url, profilePath);
    const { format, width } = await new Bun.Image(bytes).metadata();
    expect(width).toBeGreaterThan(0);
    expect(type).toBe(`image/${format}`);
  });

  test.each([
    ["PNG", () => pngOf(40, 30, RED)],
    ["PNG of one pixel", () => pngOf(1, 1, RED)],
    ["JPEG", () => jpegOf(40, 30, RED)],
    ["WebP", () => webpOf(40, 30, RED)],
    ["GIF", () => gifOf(RED)],
    ["AVIF", () => avifOf(40, 30, RED)],
  ])("sent as %s are served as the same picture in one fixed type", async (_, make) => {
    const image = Buffer.from(await make());
    const { api, profilePath, type, bytes } = await upload(avatarForm(image));
    expect(profileOf(await api.userInfo()).profilePath).toBe(profilePath);
    const fresh = await newMember(shared.stack);
    const byDefault = profileOf(await fresh.api.userInfo()).profilePath;
    expect(type).toBe((await servedAt(shared.stack.url, byDefault)).type);
    expect(`image/${(await new Bun.Image(bytes).metadata()).format}`).toBe(type ?? "");
    expect(bytes.equals(image)).toBe(false);
    // Encoders lose a little; another picture would be far off.
    const colour = await meanColour(bytes);
    for (const [index, value] of RED.entries()) {
      expect(Math.abs((colour[index] ?? -255) - value)).toBeLessThan(16);
    }
  });

  test.each([
    ["text behind a PNG", async () => Buffer.concat([pngOf(9, 9, RED), Buffer.from(SCRIPT)])],
    ["text in a PNG", async () => pngOf(9, 9, RED, [pngText(SCRIPT)])],
    [
      "text behind a JPEG",
      async () => Buffer.concat([await jpegOf(9, 9, RED), Buffer.from(SCRIPT)]),
    ],
    ["text behind a GIF", async () => Buffer.concat([gifOf(RED), Buffer.from(SCRIPT)])],
    ["EXIF in a JPEG", async () => withExif(await jpegOf(9, 9, RED), SECRET)],
    ["text in a WebP", async () => Buffer.concat([await webpOf(9, 9, RED), Buffer.from(SCRIPT)])],
  ])("do not keep %s", async (_, make) => {
    const image = await make();
    expect(image.includes(SCRIPT) || image.includes(SECRET)).toBe(true);
    const { bytes } = await upload(avatarForm(image));
    for (const text of [SCRIPT, "script", SECRET, "Exif", "tEXt"]) {
      expect(bytes.includes(text)).toBe(false);
    }
  });

  test.each([
    ["../../x.png", "image/png"],
    ["..\\..\\x.png", "image/png"],
    ["/etc/passwd", "image/png"],
    ["evil.html", "image/png"],
    ["evil.svg", "image/svg+xml"],
    ["evil.php\0.png", "image/png"],
    ["default.webp", "image/webp"],
    ["a".repeat(300), "image/png"],
    ["", "image/png"],
    ["汉字 😀.png", "image/png"],
  ])("have names that do not depend on the client's %p", async (fileName, type) => {
    const form = avatarForm(pngOf(5, 5, RED), {}, fileName || "x", type);
    const { username, sessionId, profilePath, type: served } = await upload(form);
    const stem = profilePath.split(".")[0] ?? "";
    // Long enough that nobody guesses or meets it, and nothing in it that was known before.
    expect(stem.length).toBeGreaterThanOrEqual(16);
    for (const known of ["passwd", "evil", "default", "aaaa", username, sessionId]) {
      expect(profilePath).not.toContain(known);
    }
    expect(served).toBe(`image/${profilePath.split(".")[1]}`);
  });

  test.each(["bytes=0-9", "bytes=999999-"])(
    "are answered whole, with Range %s too",
    async (Range) => {
      const { profilePath } = profileOf(await (await newMember(shared.stack)).api.userInfo());
      const url = `${shared.stack.url}/avatars/${profilePath}`;
      const [whole, part] = await Promise.all([fetch(url), fetch(url, { headers: { Range } })]);
      expect(part.status).toBe(200);
      expect(await part.bytes()).toEqual(await whole.bytes());
    },
  );

  test("have a new name each time, even for the same file", async () => {
    const { api } = await newMember(shared.stack);
    const image = pngOf(5, 5, RED);
    const paths = [];
    for (let round = 0; round < 5; round++) paths.push(pathIn(await api.avatar(avatarForm(image))));
    expect(new Set(paths).size).toBe(paths.length);
  });

  describe("of a form", () => {
    test("may name their user, in either normal form", async () => {
      const { api, username } = await newMember(shared.stack, "Zo\u00eb_9");
      const image = pngOf(5, 5, RED);
      pathIn(await api.avatar(avatarForm(image, { username })));
      pathIn(await api.avatar(avatarForm(image, { username: "Zoe\u0308_9" })));
    });

    test("may have unknown fields and files", async () => {
      const form = avatarForm(pngOf(5, 5, RED), { nickname: "changed", profilePath: "x" });
      form.append("other", new File(["x"], "x.txt"));
      const { api, username } = await upload(form);
      expect(profileOf(await api.userInfo()).nickname).toBe(username);
    });

    test("may be exactly as large as allowed, with Content-Length or in chunks", async () => {
      const small = pngOf(5, 5, RED);
      const image = Buffer.concat([small, Buffer.alloc(FILE_LIMIT - small.length)]);
      const { api } = await upload(avatarForm(image));
      const whole = new Response(avatarForm(image));
      const type = whole.headers.get("content-type") ?? "";
      const inChunks = await api.send("POST", ENDPOINTS.avatar.path, {
        headers: { "Content-Type": type },
        body: chunked(await whole.bytes()),
      });
      pathIn(inChunks);
    });

    test("may have 64,000,000 pixels", async () => {
      await upload(avatarForm(blackPng(8000, 8000)));
    });
  });
});
