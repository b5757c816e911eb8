import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import sharp from "sharp";
import {
  type Answer,
  Api,
  chunked,
  ENDPOINTS,
  newMember,
  profileOf,
  UNKNOWN_SESSION,
} from "./client.ts";
import {
  avatarForm,
  blackPng,
  bmpOf,
  gifOf,
  heicHeader,
  jpegOf,
  pngHeader,
  pngOf,
} from "./images.ts";
import { describePicturePairs, sharedStack } from "./pairs.ts";
import { getRaw } from "./raw-http.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const FILE_LIMIT = 8 * 1024 * 1024;
const PNG = pngOf(5, 5, [1, 2, 3]);
const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect/></svg>';
const TIFF = await sharp(PNG).tiff().toBuffer();
const HTML = "<!doctype html><title>x</title><script>alert(1)</script>";
const { path } = ENDPOINTS.avatar;

/** A form as bytes, so that its length is not sent ahead. */
async function chunkedForm(form: FormData) {
  const whole = new Response(form);
  const headers = { "Content-Type": whole.headers.get("content-type") ?? "" };
  return { headers, body: chunked(await whole.bytes()) };
}

describePicturePairs("pictures that are refused", (pair) => {
  const shared = sharedStack(pair);

  /** What lies among the pictures, where nothing may stay behind. */
  const saved = async () => (await shared.pictures()).sort();

  /** Refused with this status, with nothing saved and nothing changed. */
  async function expectRefused(
    status: number,
    send: (api: Api, username: string) => Promise<Answer>,
  ): Promise<void> {
    const { api, username } = await newMember(shared.stack);
    expect((await api.avatar(avatarForm(PNG))).code).toBe("7");
    const [before, profile] = [await saved(), profileOf(await api.userInfo())];
    expect(before).not.toEqual([]);
    const answer = await send(api, username);
    expect([answer.code, answer.status]).toEqual(["6", status]);
    expect(await saved()).toEqual(before);
    expect(profileOf(await api.userInfo())).toEqual(profile);
  }

  test.each([
    ["nothing", new Uint8Array()],
    ["text", Buffer.from("hello")],
    ["SVG", Buffer.from(SVG)],
    ["SVG with a declaration", Buffer.from(`<?xml version="1.0"?>\n${SVG}`)],
    ["HTML", Buffer.from(HTML)],
    ["HTML behind the first bytes of a GIF", Buffer.from(`GIF89a${HTML}`)],
    ["the name of a file on the server", Buffer.from("/etc/passwd")],
    ["a PNG's signature alone", PNG.subarray(0, 8)],
    ["a PNG's header alone", pngHeader(9, 9)],
    ["a PNG cut in its pixels", pngOf(90, 90, [7, 8, 9]).subarray(0, 60)],
    ["a JPEG's first bytes", Buffer.from([0xff, 0xd8, 0xff, 0xe0])],
    ["a GIF cut in its header", gifOf([1, 2, 3]).subarray(0, 10)],
    ["a WebP's first bytes", Buffer.from("RIFF\x10\0\0\0WEBPVP8 ")],
    ["zeros", new Uint8Array(10_000)],
    ["a PDF", Buffer.from("%PDF-1.7\n1 0 obj\n<<>>\nendobj\n")],
    ["a BMP", bmpOf(9, 9)],
    ["a TIFF", TIFF],
    ["a JPEG XL's first bytes", Buffer.from([0xff, 0x0a, 0x10, 0, 0, 0])],
    ["a HEIC's first bytes", heicHeader()],
    [
      "HTML behind the first bytes of an AVIF",
      Buffer.from(`\0\0\0\x14ftypavif\0\0\0\0avif${HTML}`),
    ],
  ])("because they are %s", async (_, bytes) => {
    for (const [name, type] of [
      ["me.png", "image/png"],
      ["me.jpg", "image/jpeg"],
      ["me.svg", "image/svg+xml"],
    ] as const) {
      await expectRefused(400, (api) => api.avatar(avatarForm(bytes, {}, name, type)));
    }
  });

  test("because they are HEIC say how to save them as JPEG", async () => {
    const { api } = await newMember(shared.stack);
    const answer = await api.avatar(avatarForm(heicHeader(), {}, "IMG_1.HEIC", "image/heic"));
    expect([answer.code, answer.status]).toEqual(["6", 400]);
    expect(answer.headers.get("x-error-detail")).toMatch(/^profilePic: HEIC .* save it as JPEG/);
  });

  test("for 5,000 scans are refused at once, and delay no other", async () => {
    const file = await Bun.file(join(import.meta.dir, "../pictures/5000-scans.jpeg")).bytes();
    const members = await Promise.all([1, 2, 3, 4].map(() => newMember(shared.stack)));
    const answers = await Promise.all(members.map(({ api }) => api.avatar(avatarForm(file))));
    expect(answers.map(({ code, status }) => `${code} ${status}`)).toEqual(
      members.map(() => "6 400"),
    );
    const [{ api }] = [await newMember(shared.stack)];
    expect((await api.avatar(avatarForm(PNG))).code).toBe("7");
  });

  test("or cut short never cause a server error", async () => {
    const { api } = await newMember(shared.stack);
    for (const whole of [pngOf(64, 64, [9, 9, 9]), await jpegOf(64, 64, [9, 9, 9])]) {
      for (let length = 1; length < whole.length; length += 17) {
        const answer = await api.avatar(avatarForm(whole.subarray(0, length)));
        expect(["6", "7"]).toContain(answer.code);
      }
    }
  });

  describe("for their size", () => {
    test("of one byte over 8 MiB, with Content-Length or in chunks", async () => {
      const image = Buffer.concat([PNG, Buffer.alloc(FILE_LIMIT + 1 - PNG.length)]);
      await expectRefused(413, (api) => api.avatar(avatarForm(image)));
      const inChunks = await chunkedForm(avatarForm(image));
      await expectRefused(413, (api) => api.send("POST", path, inChunks));
    });

    test("by Content-Length come before a bad session", async () => {
      const visitor = new Api(shared.stack.url).withSession(UNKNOWN_SESSION);
      const announced = await visitor.avatar(avatarForm(new Uint8Array(FILE_LIMIT + 65_537)));
      expect([announced.code, announced.status]).toEqual(["6", 413]);
      const unread = await visitor.avatar(avatarForm(new Uint8Array(FILE_LIMIT + 1)));
      expect([unread.code, unread.status]).toEqual(["2", 401]);
    });

    test.each([
      ["a whole PNG of 10000 by 10000 pixels", blackPng(10_000, 10_000)],
      ["a whole PNG a row over 64,000,000 pixels", blackPng(8000, 8001)],
      ["a PNG in one row", blackPng(67_108_865, 1)],
      ["a PNG that claims a row too many", pngHeader(8192, 8193)],
      ["a PNG that claims all that it can", pngHeader(2 ** 31 - 1, 2 ** 31 - 1)],
      ["a PNG whose claim overflows 32 bits", pngHeader(65_536, 65_537)],
      ["a PNG without width", pngHeader(0, 9)],
    ])("because they are %s", async (_, image) => {
      expect(image.length).toBeLessThan(64 * 1024);
      await expectRefused(400, (api) => api.avatar(avatarForm(image)));
    });
  });

  describe("for their form", () => {
    const withFields = (fill: (form: FormData) => void) => () => {
      const form = new FormData();
      fill(form);
      return form;
    };

    test.each([
      ["without fields", withFields(() => undefined)],
      ["without the file", withFields((form) => form.append("username", "grace"))],
      [
        "with the file by another name",
        withFields((form) => form.append("file", new Blob([new Uint8Array(PNG)]))),
      ],
      ["with text in place of the file", withFields((form) => form.append("profilePic", "x"))],
      [
        "with a file in place of the name",
        () => {
          const form = avatarForm(PNG);
          form.append("username", new File(["grace"], "grace.txt"));
          return form;
        },
      ],
    ])("%s", async (_, make) => {
      await expectRefused(400, (api) => api.avatar(make()));
    });

    test.each([
      ["another's", async () => (await newMember(shared.stack)).username],
      ["nobody's", async () => "nobody"],
      ["one's own in another case", async (own: string) => own.toUpperCase()],
      ["one's own and a space", async (own: string) => `${own} `],
      ["empty", async () => ""],
      ["too long", async () => "x".repeat(40)],
    ])("with a username that is %s", async (_, nameFor) => {
      await expectRefused(400, async (api, own) =>
        api.avatar(avatarForm(PNG, { username: await nameFor(own) })),
      );
    });

    test.each([
      ["no boundary", "multipart/form-data", "x"],
      ["an empty boundary", "multipart/form-data; boundary=", "--\r\n\r\n----"],
      ["an empty body", "multipart/form-data; boundary=b", ""],
      ["no part", "multipart/form-data; boundary=b", "hello"],
      ["the end at once", "multipart/form-data; boundary=b", "--b--\r\n"],
      [
        "a part without an end",
        "multipart/form-data; boundary=b",
        '--b\r\nContent-Disposition: form-data; name="profilePic"; filename="x"\r\n\r\nabc',
      ],
      [
        "a part without a name",
        "multipart/form-data; boundary=b",
        "--b\r\nContent-Disposition: form-data\r\n\r\nabc\r\n--b--\r\n",
      ],
      ["a part without headers", "multipart/form-data; boundary=b", "--b\r\n\r\nabc\r\n--b--\r\n"],
    ])("with %s", async (_, type, text) => {
      const { api } = await newMember(shared.stack);
      const before = await saved();
      const answer = await api.send("POST", path, {
        headers: { "Content-Type": type },
        body: new TextEncoder().encode(text),
      });
      expect(answer.code).toBe("6");
      expect([400, 415]).toContain(answer.status);
      expect(await saved()).toEqual(before);
    });
  });

  test.each([undefined, "x", UNKNOWN_SESSION, "one that has ended"])(
    "for the session (%p)",
    async (sessionId) => {
      const { api: member } = await newMember(shared.stack);
      expect((await member.signOut()).code).toBe("7");
      const api = sessionId?.startsWith("one")
        ? member
        : new Api(shared.stack.url, sessionId && `sessionID=${sessionId}`);
      const before = await saved();
      for (const image of [PNG, Buffer.from(HTML)]) {
        const answer = await api.avatar(avatarForm(image));
        expect([answer.code, answer.status]).toEqual(["2", 401]);
        expect(await saved()).toEqual(before);
      }
    },
  );

  describe("when they are read", () => {
    test.each([
      "unknown.webp",
      "unknown",
      "default",
      "default.png",
      "DEFAULT.webp",
      "x/default.webp",
      "constructor",
      "",
    ])("as %p, which does not exist", async (name) => {
      const answer = await new Api(shared.stack.url).send("GET", `/avatars/${name}`);
      expect([answer.code, answer.status]).toEqual(["6", 404]);
    });

    test.each([
      "/avatars/../secret.webp",
      "/avatars/%2e%2e/secret.webp",
      "/avatars/..%2fsecret.webp",
      "/avatars/..%2Fsecret.webp",
      "/avatars/%2e%2e%2fsecret.webp",
      "/avatars/..%5csecret.webp",
      "/avatars/..\\secret.webp",
      "/avatars/....//secret.webp",
      "/avatars//../secret.webp",
      "/avatars/./../secret.webp",
      "/avatars/x/../../secret.webp",
      "/avatars/..%252fsecret.webp",
      "/avatars/..%c0%afsecret.webp",
      "/avatars/..%00/secret.webp",
      "/avatars/../secret.webp%00.webp",
      "//avatars/../secret.webp",
    ])("as %p, which leads out of their folder", async (target) => {
      await Bun.write(join(shared.stack.dataDir, "secret.webp"), "hidden treasure");
      const whole = target.replace("secret.webp", join(shared.stack.dataDir, "secret.webp"));
      for (const asked of [target, whole]) {
        const { status, body } = await getRaw(shared.stack.url, asked);
        expect([400, 404]).toContain(status);
        expect(body).not.toContain("hidden treasure");
      }
    });
  });
});
