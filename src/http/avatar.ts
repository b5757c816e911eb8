import { join } from "node:path";
import type { DomainErrorName } from "../../schema/errors.ts";
import { DomainError, RpcError } from "../rpc/error.ts";
import { AvatarFolder } from "./avatar-folder.ts";
import { MAX_PICTURE_BYTES, newPictureName, PICTURE_TYPE } from "./avatar-store.ts";
import type { Exchange, Handler, HttpParts } from "./exchange.ts";
import { Refusal, success } from "./reply.ts";
import { assertAwaited, mediaType, readBody, toNfc } from "./request.ts";

const MAX_FILE_BYTES = 8 * 1024 * 1024;
/** The file, and room for the other parts of the form and what separates them. */
const MAX_BODY_BYTES = MAX_FILE_BYTES + 64 * 1024;
/** Bodies that may be held at once, whoever sends them: they come before the session is known. */
const MAX_UPLOADS = 64;
const MAX_PIXELS = 16_000_000;
/** From when the file is here until the answer: all calls, and the picture's way to its place. */
const TIMEOUT_MS = 5_000;
const SIDE_PIXELS = 512;
/** How an update ends that has found nothing to change. */
const NOTHING_WRITTEN: ReadonlySet<string> = new Set<DomainErrorName>([
  "InvalidSessionError",
  "UserNotExistError",
]);

/** Upload a picture, and show it. */
export function avatarHandlers({
  user,
  cookie,
  avatars,
  removals,
  publicFolder,
}: HttpParts): Record<"update" | "show", Handler> {
  /** The pictures that come with Portico, whatever becomes of the others. */
  const builtIn = new AvatarFolder(join(publicFolder, "avatars"));
  let uploads = 0;

  return {
    async update(exchange) {
      if (uploads >= MAX_UPLOADS) {
        const message = `Cannot take the picture: ${MAX_UPLOADS} uploads are under way`;
        throw new RpcError("resource_exhausted", message, { processed: false });
      }
      uploads++;
      try {
        return await upload(exchange);
      } finally {
        uploads--;
      }
    },

    async show({ params: { name = "" } }) {
      const picture = (await builtIn.find(name)) ?? (await avatars.find(name));
      if (!picture) throw new Refusal(404, "There is no such picture");
      // Its bytes: of a file, Bun would answer ranges, with statuses that the API does not have.
      return new Response(await picture.bytes(), {
        headers: {
          "Content-Type": PICTURE_TYPE,
          "X-Content-Type-Options": "nosniff",
          "Content-Security-Policy": "default-src 'none'",
          // A name is never used for another picture.
          "Cache-Control": "public, max-age=86400",
        },
      });
    },
  };

  async function upload({ request, requestId }: Exchange): Promise<Response> {
    const { file, username } = await readUpload(request);
    const deadline = performance.now() + TIMEOUT_MS;
    const sessionId = cookie.read(request);
    const options = { requestId, signalOf: request, timeoutMs: TIMEOUT_MS };
    const profile = await user.getUserInfo({ sessionId }, options);
    if (username !== undefined && username !== profile.username) {
      throw new Refusal(400, "The username is not the session's");
    }
    const picture = await reencode(file);
    assertAwaited(request, "the save of the picture");
    const profilePath = newPictureName();
    try {
      await avatars.save(profilePath, picture);
      assertAwaited(request, "the update of the profile");
    } catch (error) {
      await removals.unused(profilePath, requestId);
      throw error;
    }
    const replacement = { requestId, sessionId, replaced: profile.profilePath, by: profilePath };
    try {
      // Not cancelled from here on: the profile may point to the file by then, and then needs it.
      const timeoutMs = deadline - performance.now();
      await user.updateProfilePic({ sessionId, profilePath }, { requestId, timeoutMs });
    } catch (error) {
      if (hasChangedNothing(error)) await removals.unused(profilePath, requestId);
      else removals.undecided(replacement);
      throw error;
    }
    removals.replaced(replacement);
    return success({ profilePath });
  }
}

/** Whether an update that failed so has certainly not happened, and never will. */
function hasChangedNothing(error: unknown): boolean {
  if (error instanceof RpcError) return !error.processed;
  return error instanceof DomainError && NOTHING_WRITTEN.has(error.code);
}

async function readUpload(request: Request): Promise<{ file: Blob; username: unknown }> {
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
  return { file, username: toNfc(username ?? undefined) };
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

/**
 * Decode a picture of whatever type its bytes are and encode it afresh, at most 512 pixels a side.
 * @throws {Refusal} 400: not a picture, or over 16 megapixels (read off its header, not decoded)
 */
async function reencode(file: Blob): Promise<Blob> {
  // Bytes, never a string: a string would be a path.
  const image = new Bun.Image(await file.bytes(), { maxPixels: MAX_PIXELS });
  image.resize(SIDE_PIXELS, SIDE_PIXELS, { fit: "inside", withoutEnlargement: true });
  const picture = await image.webp({ quality: 82 }).blob().catch(refuseUndecodable);
  if (picture.size <= MAX_PICTURE_BYTES) return picture;
  throw new Refusal(400, `Picture over ${MAX_PICTURE_BYTES} bytes after encoding`);
}

const NOT_A_PICTURE: ReadonlySet<unknown> = new Set<Bun.Image.ErrorCode>([
  "ERR_IMAGE_UNKNOWN_FORMAT",
  "ERR_IMAGE_FORMAT_UNSUPPORTED",
  "ERR_IMAGE_DECODE_FAILED",
  "ERR_IMAGE_TOO_MANY_PIXELS",
]);

function refuseUndecodable(error: unknown): never {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (NOT_A_PICTURE.has(code)) throw new Refusal(400, `Picture refused: ${code}`);
  throw error;
}
