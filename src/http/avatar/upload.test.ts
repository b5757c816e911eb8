import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Bodies } from "../body.ts";
import { failure, Refusal } from "../reply.ts";
import { Delimiters } from "./delimiters.ts";
import { boundaryOf, readUpload } from "./upload.ts";

// Forms as clients write them, on real sockets, in chunks that are cut anywhere.

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

/** Bytes that a careless parser takes for its own: line ends, dashes, a delimiter in mid-line. */
const PICTURE = Buffer.concat([
  Buffer.from("\r\n--\r\n-\r\n--W-\n\r\r\n\r\n--Y\r\nmid-line --X\r\nand --X--", "latin1"),
  Buffer.from(Array.from({ length: 500 }, (_, index) => (index * 7) % 256)),
  Buffer.from("\r\n--", "latin1"),
]);

interface Taken {
  readonly status: number;
  readonly detail: string | null;
  readonly file?: Buffer;
  readonly username?: string;
}

const bodies = new Bodies();
let server: Bun.Server<undefined>;
beforeAll(() => {
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    development: false,
    async fetch(request) {
      try {
        using upload = await readUpload(request, boundaryOf(request), bodies);
        const username = encodeURIComponent(upload.username ?? "none");
        return new Response(upload.file, { headers: { "X-Username": username } });
      } catch (error) {
        if (!(error instanceof Refusal)) console.error(error);
        return failure(error);
      }
    },
  });
});
afterAll(() => server.stop(true));

/** Send a body of parts in chunks of `chunkBytes`, its length ahead or not. */
async function send(
  body: Uint8Array,
  { type = "multipart/form-data; boundary=X", chunkBytes = Infinity } = {},
): Promise<Taken> {
  const headers = { "Content-Type": type };
  const whole = chunkBytes === Infinity;
  const response = await fetch(server.url, {
    method: "POST",
    headers,
    body: whole ? Buffer.from(body) : chunksOf(body, chunkBytes),
  });
  const detail = response.headers.get("x-error-detail");
  if (response.status !== 200) return { status: response.status, detail };
  const file = Buffer.from(await response.arrayBuffer());
  const username = decodeURIComponent(response.headers.get("x-username") ?? "");
  return { status: 200, detail, file, ...(username !== "none" && { username }) };
}

function chunksOf(bytes: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + size));
      at += size;
      // A turn of the event loop, so that the chunk is one of its own on the wire.
      await new Promise(setImmediate);
    },
  });
}

/** One part, whose head is written as it stands, and what else the body has. */
function body(...parts: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array)));
}

const part = (head: string, content: string | Uint8Array = PICTURE) =>
  body(`--X\r\n${head}\r\n\r\n`, content, "\r\n");
const END = "--X--\r\n";
const NAME = 'Content-Disposition: form-data; name="username"';
const FILE = 'Content-Disposition: form-data; name="profilePic"; filename="a.png"';

const TYPED = `${FILE}\r\nContent-Type: image/png`;

/** What the clients of the field write, as of their sources. */
const CLIENTS: Readonly<Record<string, { type?: string; body: Buffer; username?: string }>> = {
  curl: {
    type: "multipart/form-data; boundary=------------------------2e5dF",
    body: body(
      "--------------------------2e5dF\r\n",
      'Content-Disposition: form-data; name="username"\r\n\r\ngrace\r\n',
      "--------------------------2e5dF\r\n",
      `${TYPED}\r\n\r\n`,
      PICTURE,
      "\r\n--------------------------2e5dF--\r\n",
    ),
    username: "grace",
  },
  "Chrome and Firefox": {
    type: "multipart/form-data; boundary=----WebKitFormBoundaryjxyz",
    body: body(
      `------WebKitFormBoundaryjxyz\r\n${TYPED}\r\n\r\n`,
      PICTURE,
      "\r\n------WebKitFormBoundaryjxyz--\r\n",
    ),
  },
  ".NET HttpClient": {
    type: 'multipart/form-data; boundary="8e2-f1 a"',
    body: body(
      "--8e2-f1 a\r\nContent-Type: text/plain; charset=utf-8\r\n",
      "Content-Disposition: form-data; name=username\r\n\r\ngrace",
      "\r\n--8e2-f1 a\r\nContent-Type: image/png\r\n",
      "Content-Disposition: form-data; name=profilePic; filename=a.png; filename*=utf-8''a.png",
      "\r\n\r\n",
      PICTURE,
      "\r\n--8e2-f1 a--\r\n",
    ),
    username: "grace",
  },
  "a .NET byte array without a file name": {
    body: body(part("Content-Disposition: form-data; name=profilePic"), END),
  },
  "Python requests": { body: body(part(NAME, "grace"), part(FILE), END), username: "grace" },
  "Python requests, with a name in another script": {
    body: body(
      part("Content-Disposition: form-data; name=\"profilePic\"; filename*=utf-8''%E7%85%A7.png"),
      END,
    ),
  },
  "Python httpx": {
    body: body(part(`${FILE.replace("a.png", "a%22.png")}\r\nContent-Type: image/png`), END),
  },
  "Python aiohttp": {
    body: body(
      part(`Content-Type: text/plain; charset=utf-8\r\n${NAME}\r\nContent-Length: 5`, "grace"),
      part(`Content-Type: image/png\r\n${FILE}; filename*=utf-8''a.png`),
      END,
    ),
    username: "grace",
  },
  "Go mime/multipart": {
    body: body(part(`${FILE}\r\nContent-Type: application/octet-stream`), END),
  },
  "Java and OkHttp": {
    body: body(
      part(`${FILE}\r\nContent-Type: image/png\r\nContent-Length: ${PICTURE.length}`),
      END,
    ),
  },
  "Apache HttpClient": {
    type: "multipart/form-data; boundary=X; charset=ISO-8859-1",
    body: body(
      part(
        `${NAME}\r\nContent-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: 8bit`,
        Buffer.from("renée", "latin1"),
      ),
      part(`${TYPED}\r\nContent-Transfer-Encoding: binary`),
      END,
    ),
    username: "renée",
  },
  "PHP Guzzle": {
    body: body(
      part(`${FILE}\r\nContent-Length: ${PICTURE.length}\r\nContent-Type: image/png`),
      END,
    ),
  },
  Postman: {
    type: "multipart/form-data; boundary=--------------------------04",
    body: body(
      `----------------------------04\r\n${TYPED}\r\n\r\n`,
      PICTURE,
      "\r\n----------------------------04--\r\n",
    ),
  },
};

/** What the standards allow and a client may write. */
const ALLOWED: Readonly<Record<string, Buffer>> = {
  "headers in lower case": body(part(TYPED.toLowerCase().replace("profilepic", "profilePic")), END),
  "headers in capitals": body(
    part(`CONTENT-DISPOSITION: FORM-DATA; NAME="profilePic"; FILENAME="A"`),
    END,
  ),
  "no blank behind the colon": body(
    part('Content-Disposition:form-data;name="profilePic";filename="a"'),
    END,
  ),
  "many blanks behind the colon": body(part(`Content-Disposition: \t ${FILE.slice(21)}`), END),
  "a folded header": body(
    part('Content-Disposition: form-data;\r\n name="profilePic";\r\n\tfilename="a"'),
    END,
  ),
  "the file name before the name": body(
    part('Content-Disposition: form-data; filename="a"; name="profilePic"'),
    END,
  ),
  "a name as in RFC 2231": body(
    part("Content-Disposition: form-data; name*=utf-8''profilePic; filename=a"),
    END,
  ),
  "filename* alone": body(
    part("Content-Disposition: form-data; name=\"profilePic\"; filename*=UTF-8''%e2%82%ac.png"),
    END,
  ),
  "a semicolon in the file name": body(part(FILE.replace("a.png", "a; name=username; b.png")), END),
  "an escaped quote in the file name": body(part(FILE.replace("a.png", 'a\\"b\\\\.png')), END),
  "no file name": body(
    part('Content-Disposition: form-data; name="profilePic"\r\nContent-Type: image/png'),
    END,
  ),
  "an empty file name": body(part(FILE.replace("a.png", "")), END),
  "a path of Windows": body(part(FILE.replace("a.png", "C:\\me\\a.png")), END),
  "headers that nobody knows": body(part(`X-Mine: 1\r\n${TYPED}\r\nX-Other: a: b`), END),
  "blanks behind a delimiter": body(
    body("--X \t \r\n", FILE, "\r\n\r\n", PICTURE, "\r\n--X--  \r\n"),
  ),
  "a preamble": body("This is a message\r\nwith --X in it.\r\n", part(TYPED), END),
  "an empty line before": body("\r\n", part(TYPED), END),
  "an epilogue": body(part(TYPED), END, "Goodbye\r\n--X\r\n--X--\r\n--Xyz"),
  "no line end at its end": body(part(TYPED), "--X--"),
  "unknown fields and files": body(
    part('Content-Disposition: form-data; name="album"', "holidays"),
    part('Content-Disposition: form-data; name="thumbnail"; filename="b.png"', "tiny"),
    part("Content-Disposition: form-data", "nameless"),
    part("X-Nothing: here", "nothing"),
    part(TYPED),
    part('Content-Disposition: form-data; name="note"', "after"),
    END,
  ),
  "an empty unknown file": body(
    part('Content-Disposition: form-data; name="b"; filename=""', ""),
    part(TYPED),
    END,
  ),
};

/** What is no form, or not the one that is wanted, and the rule that says so. */
const REFUSED: Readonly<Record<string, readonly [body: Buffer, rule: string]>> = {
  "two pictures": [body(part(TYPED), part(TYPED), END), "profilePic: one file"],
  "an empty picture": [body(part(TYPED, ""), END), "profilePic: one file"],
  "no picture": [body(part(NAME, "grace"), END), "profilePic: one file"],
  "no part": [body(END), "profilePic: one file"],
  "two usernames": [body(part(NAME, "a"), part(TYPED), part(NAME, "a"), END), "username: at most"],
  "a username that is a file": [
    body(part(TYPED), part(`${NAME}; filename="a"`, "a"), END),
    "username: must be a text",
  ],
  "no end": [body(part(TYPED)), "form: must end"],
  "an end in mid-line": [body("--X\r\n", TYPED, "\r\n\r\nabc--X--\r\n"), "form: must end"],
  "a line that begins like a delimiter": [
    body(part(TYPED, "abc\r\n--Xyz\r\ndef"), END),
    "form: no line",
  ],
  "a line that is a delimiter and more": [
    body(part(TYPED, "abc\r\n--X \t-\r\ndef"), END),
    "form: no line",
  ],
  "very many parts": [
    body(...Array.from({ length: 101 }, () => part(NAME, "")), END),
    "form: at most 100",
  ],
  "head without an end": [body("--X\r\n", TYPED, "\r\n--X--\r\n"), "profilePic: one file"],
};

/** Chunks of one byte, of a few, and of the whole. */
const CHUNKS = [1, 2, 3, 7, 64, 1000, Number.POSITIVE_INFINITY];

describe("an upload's form", () => {
  test.each(Object.entries(CLIENTS))("as %s writes it is taken", async (_, client) => {
    const { type, body: bytes, username } = client;
    for (const chunkBytes of CHUNKS) {
      const taken = await send(bytes, { chunkBytes, ...(type !== undefined && { type }) });
      expect(taken).toMatchObject({ status: 200, detail: null });
      expect(taken.file?.equals(PICTURE)).toBe(true);
      expect(taken.username).toBe(username as string);
    }
  });

  test.each(Object.entries(ALLOWED))("with %s is taken", async (_, bytes) => {
    for (const chunkBytes of CHUNKS) {
      const taken = await send(bytes, { chunkBytes });
      expect(taken).toMatchObject({ status: 200, detail: null });
      expect(taken.file?.equals(PICTURE)).toBe(true);
      expect(taken.username).toBeUndefined();
    }
  });

  test.each(Object.entries(REFUSED))(
    "with %s is refused, and told why",
    async (_, [bytes, rule]) => {
      for (const chunkBytes of CHUNKS) {
        const { status, detail } = await send(bytes, { chunkBytes });
        expect([status, detail]).toEqual([400, expect.stringContaining(rule)]);
      }
    },
  );

  test.each([
    "multipart/form-data; boundary=X ; more=1",
    "multipart/form-data;boundary=X;charset=utf-8",
    'Multipart/Form-Data; Boundary="X"',
    'multipart/form-data; more="a;boundary=Z"; boundary=X',
    "multipart/form-data; charset=utf-8; boundary=X",
  ])("is taken with the type %p", async (type) => {
    const { status, file } = await send(body(part(TYPED), END), { type });
    expect([status, file?.equals(PICTURE)]).toEqual([200, true]);
  });

  test.each(["'()+_,-./:=?", "a b", "=_Part_1.2", "(", "x".repeat(70)])(
    "is taken with the boundary %p, in quotes",
    async (boundary) => {
      const type = `multipart/form-data; boundary="${boundary}"`;
      const bytes = body(`--${boundary}\r\n${TYPED}\r\n\r\n`, PICTURE, `\r\n--${boundary}--\r\n`);
      const { status, file } = await send(bytes, { type });
      expect([status, file?.equals(PICTURE)]).toEqual([200, true]);
    },
  );

  test.each([
    "multipart/form-data",
    "multipart/form-data; boundary=",
    'multipart/form-data; boundary=""',
    "multipart/mixed; boundary=X",
    `multipart/form-data; boundary=${"x".repeat(71)}`,
    "multipart/form-data boundary=X",
    "image/png",
  ])("is refused with the type %p", async (type) => {
    const { status, detail } = await send(body(part(TYPED), END), { type });
    expect([status, detail]).toEqual([415, expect.stringContaining("Content-Type: multipart/")]);
  });

  test.each<[string, string, Uint8Array, string]>([
    ["UTF-8, unsaid", "", Buffer.from("gr\u00e2ce"), "gr\u00e2ce"],
    ["UTF-8, not composed", "; charset=utf-8", Buffer.from("gra\u0302ce"), "gr\u00e2ce"],
    ["Latin-1", "; charset=iso-8859-1", Buffer.from("gr\u00e2ce", "latin1"), "gr\u00e2ce"],
    ["ASCII", "; charset=us-ascii", Buffer.from("grace"), "grace"],
    ["UTF-8 that is none", "", Buffer.from([0x67, 0xff, 0x67]), "g\ufffdg"],
  ])("has its username in %s", async (_, charset, name, username) => {
    const head = `${NAME}\r\nContent-Type: text/plain${charset}`;
    for (const parts of [
      [part(head, name), part(TYPED)],
      [part(TYPED), part(head, name)], // A field may come after the file.
    ]) {
      const taken = await send(body(...parts, END));
      expect([taken.status, taken.username]).toEqual([200, username]);
    }
  });

  test("is taken with a file of 8 MiB, and refused with one byte more", async () => {
    const limit = 8 * 1024 * 1024;
    for (const [bytes, status] of [
      [limit, 200],
      [limit + 1, 413],
    ] as const) {
      const file = Buffer.alloc(bytes, "\r\n--");
      for (const chunkBytes of [1_000_000, Number.POSITIVE_INFINITY]) {
        const taken = await send(body(part(TYPED, file), END), { chunkBytes });
        expect([taken.status, taken.file?.equals(file) ?? false]).toEqual([status, status === 200]);
      }
    }
  });

  test("of nothing but delimiters is refused at once, even in one chunk", () => {
    const parts = 1_000_000;
    let emitted = 0;
    const delimiters = new Delimiters("X", (bytes) => {
      emitted += bytes.byteLength;
    });
    const write = () => delimiters.write(Buffer.alloc(5 * parts, "--X\r\n"));
    expect(write).toThrow(new Refusal(400, "form: at most 100 parts"));
    expect(emitted).toBeLessThan(1000);
  });

  test("of random parts ends with one answer", async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    let state = seed;
    const next = (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return Math.floor((state / 0x80000000) * below);
    };
    const pieces = [
      "--X",
      "--X--",
      "\r\n",
      "\r",
      "\n",
      "--",
      " ",
      "X",
      TYPED,
      NAME,
      "\r\n\r\n",
      ":",
      "abc",
      "\0",
    ];
    for (let round = 0; round < 400; round++) {
      const text = Array.from({ length: 1 + next(14) }, () => pieces[next(pieces.length)]).join("");
      const { status } = await send(Buffer.from(text), { chunkBytes: 1 + next(9) });
      expect([200, 400], `seed ${seed}: ${JSON.stringify(text)}`).toContain(status);
    }
  });
});
