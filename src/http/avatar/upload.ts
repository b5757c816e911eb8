import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { MAX_UPLOAD_BYTES } from "../../../schema/picture.ts";
import { announcedBytes, type Bodies } from "../body.ts";
import { contentTypeOf, refuseEncoded } from "../content-type.ts";
import { toNfc } from "../fields.ts";
import { Refusal } from "../reply.ts";
import { Delimiters } from "./delimiters.ts";

/** The file, and room for the rest of the form. */
const MAX_BODY_BYTES = MAX_UPLOAD_BYTES + 64 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;

/** RFC 2046 §5.1.1. */
const MAX_BOUNDARY_CHARACTERS = 70;

/**
 * The form of an upload. Its bytes count towards the memory budget until the form is disposed of.
 */
export interface Upload extends Disposable {
  readonly file: Uint8Array<ArrayBuffer>;
  /** Normalised to NFC unless it is too long to be valid; undefined if it is not given. */
  readonly username: string | undefined;
}

/**
 * The boundary of a form, from its headers.
 * @throws {Refusal} 415 not a multipart form, 413 its Content-Length is too large
 */
export function boundaryOf(request: Request): string {
  refuseEncoded(request);
  const type = contentTypeOf(request);
  const boundary = type?.params.get("boundary") ?? "";
  const isBoundary = boundary !== "" && boundary.length <= MAX_BOUNDARY_CHARACTERS;
  if (type?.essence !== "multipart/form-data" || !isBoundary) {
    throw new Refusal(415, "Content-Type: multipart/form-data with a boundary");
  }
  announcedBytes(request, MAX_BODY_BYTES);
  return boundary;
}

/**
 * Read the form of an upload.
 * @throws {Refusal} 413 too large, 400 not the form that the endpoint takes, or too slow
 * @throws {RpcError} resource_exhausted: the bodies of all requests exceed the budget
 */
export async function readUpload(
  request: Request,
  boundary: string,
  bodies: Bodies,
): Promise<Upload> {
  const form = new UploadForm(boundary);
  const held = await bodies.stream(request, MAX_BODY_BYTES, (chunk) => form.write(chunk));
  try {
    const { file, username } = await form.end();
    return { file, username, [Symbol.dispose]: () => held[Symbol.dispose]() };
  } catch (error) {
    held[Symbol.dispose]();
    throw error;
  }
}

/** Parses a form as it arrives, and stops at the first error. */
class UploadForm {
  readonly #parser: BusboyInstance;
  readonly #delimiters: Delimiters;
  readonly #finished = Promise.withResolvers<void>();
  readonly #file = new Bun.ArrayBufferSink();
  #fileBytes = 0;
  #files = 0;
  #usernames: string[] = [];
  #refusal: Refusal | undefined;

  constructor(boundary: string) {
    this.#file.start({ asUint8Array: true });
    const quoted = boundary.replace(/["\\]/g, "\\$&");
    this.#parser = new Busboy({
      headers: { "content-type": `multipart/form-data; boundary="${quoted}"` },
      limits: { headerSize: MAX_HEADER_BYTES },
      // Some clients send neither a file name nor a type.
      isPartAFile: (field, _, fileName) => field === "profilePic" || fileName !== undefined,
    });
    this.#parser.on("file", (field, file) => this.#readFile(field, file));
    this.#parser.on("field", (field, value) => {
      if (field === "username") this.#usernames.push(value);
    });
    this.#parser.on("finish", () => this.#finished.resolve());
    this.#parser.on("error", () => {
      this.#refuse(400, "form: multipart/form-data as in RFC 7578");
      this.#finished.resolve();
    });
    this.#delimiters = new Delimiters(boundary, (bytes) => this.#parser.write(bytes));
  }

  /** @throws {Refusal} */
  write(chunk: Uint8Array): void {
    if (this.#refusal) throw this.#refusal;
    this.#delimiters.write(chunk);
  }

  /** @throws {Refusal} */
  async end(): Promise<Pick<Upload, "file" | "username">> {
    this.#delimiters.end();
    this.#parser.end();
    await this.#finished.promise;
    if (this.#refusal) throw this.#refusal;
    if (this.#files !== 1 || this.#fileBytes === 0) {
      throw new Refusal(400, "profilePic: one file that is not empty");
    }
    if (this.#usernames.length > 1) throw new Refusal(400, "username: at most once");
    const [username] = this.#usernames.map(toNfc);
    const file = this.#file.end();
    return {
      file: file instanceof Uint8Array ? file : new Uint8Array(file), // Avoids a copy of 8 MiB.
      username: username === undefined ? undefined : String(username),
    };
  }

  #readFile(field: string | undefined, file: NodeJS.ReadableStream): void {
    file.on("error", () => this.#refuse(400, "form: multipart/form-data as in RFC 7578"));
    if (field === "username") this.#refuse(400, "username: must be a text, not a file");
    if (field !== "profilePic") return void file.resume();
    this.#files++;
    file.on("data", (chunk: Buffer) => {
      this.#fileBytes += chunk.byteLength;
      if (this.#fileBytes > MAX_UPLOAD_BYTES) {
        this.#refuse(413, `profilePic: at most ${MAX_UPLOAD_BYTES} bytes`);
      } else {
        this.#file.write(chunk);
      }
    });
  }

  /** Keep the first error: the client gets that one. */
  #refuse(status: 400 | 413, rule: string): void {
    this.#refusal ??= new Refusal(status, rule);
  }
}
