import { Refusal } from "../reply.ts";
import { mediaType, readBody, toNfc } from "../request.ts";

const MAX_FILE_BYTES = 8 * 1024 * 1024;
/** The file, and room for the other parts of the form and what separates them. */
const MAX_BODY_BYTES = MAX_FILE_BYTES + 64 * 1024;

/** What the form of an upload holds. */
export interface Upload {
  readonly file: Uint8Array<ArrayBuffer>;
  /** In NFC if it is a text that could be a username. */
  readonly username: unknown;
}

/**
 * Read the form of an upload.
 * @throws {Refusal} 415 not multipart, 413 too large, 400 not the form that the endpoint takes
 */
export async function readUpload(request: Request): Promise<Upload> {
  if (mediaType(request) !== "multipart/form-data") {
    throw new Refusal(415, "The body must be multipart/form-data");
  }
  const body = await readBody(request, MAX_BODY_BYTES);
  const form = await parseMultipart(body, request.headers.get("Content-Type") ?? "");
  const [file, ...moreFiles] = form.getAll("profilePic");
  if (!(file instanceof Blob) || file.size === 0 || moreFiles.length > 0) {
    throw new Refusal(400, "The form must hold one file profilePic");
  }
  if (file.size > MAX_FILE_BYTES) throw new Refusal(413, `Picture over ${MAX_FILE_BYTES} bytes`);
  const [username, ...moreNames] = form.getAll("username");
  if (username instanceof Blob || moreNames.length > 0) {
    throw new Refusal(400, "The form's username must be one text");
  }
  return { file: await file.bytes(), username: toNfc(username ?? undefined) };
}

async function parseMultipart(
  body: Uint8Array<ArrayBuffer>,
  contentType: string,
): Promise<FormData> {
  try {
    const headers = { "Content-Type": contentType };
    return await new Response(body, { headers }).formData();
  } catch {
    throw new Refusal(400, "The form cannot be read");
  }
}
