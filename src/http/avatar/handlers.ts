import { join } from "node:path";
import type { DomainErrorName } from "../../../schema/errors.ts";
import { DomainError, RpcError } from "../../rpc/error.ts";
import type { Exchange, Handler, HttpParts } from "../exchange.ts";
import { Refusal, success } from "../reply.ts";
import { assertAwaited } from "../request.ts";
import { AvatarFolder } from "./folder.ts";
import { newPictureName, PICTURE_TYPE } from "./store.ts";
import { readUpload } from "./upload.ts";

/** Bodies that may be held at once, whoever sends them: they come before the session is known. */
const MAX_UPLOADS = 64;
/** From when the file is here until the answer: all calls, and the picture's way to its place. */
const TIMEOUT_MS = 5_000;
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
  pictures,
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
    const picture = new Blob([await pictures.make(file, request.signal)], { type: PICTURE_TYPE });
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
