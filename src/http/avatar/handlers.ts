import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DomainErrorName } from "../../../schema/errors.ts";
import { DomainError, RpcError } from "../../rpc/error.ts";
import type { Handler, HttpParts } from "../exchange.ts";
import { Refusal, success } from "../reply.ts";
import { assertAwaited } from "../request.ts";
import { withFirstSession } from "../session-cookie.ts";
import { newPictureName, PICTURE_TYPE } from "./store.ts";
import { Turns } from "./turns.ts";
import { boundaryOf, readUpload, type Upload } from "./upload.ts";

/** From when the file is here until the answer: all calls, and the picture's way to its place. */
const TIMEOUT_MS = 5_000;
/** How long a connection may stand still once its body is here. */
const ANSWER_SECONDS = 30;
/** How an update ends that has found nothing to change. */
const NOTHING_WRITTEN: ReadonlySet<string> = new Set<DomainErrorName>([
  "InvalidSessionError",
  "UserNotExistError",
]);

/** The session of an upload, and what its user showed when it began. */
interface Session {
  readonly sessionId: string;
  readonly username: string;
  readonly profilePath: string;
}

/** Upload a picture, and show it. */
export function avatarHandlers({
  user,
  cookie,
  bodies,
  avatars,
  pictures,
  removals,
  publicFolder,
}: HttpParts): Record<"update" | "show", Handler> {
  const builtIn = readPictures(join(publicFolder, "avatars"));
  const turns = new Turns();

  return {
    async update({ request, requestId, server }) {
      const boundary = boundaryOf(request);
      // Before the body: who has no session is told so at once, and holds no memory meanwhile.
      const options = { requestId, signalOf: request, timeoutMs: TIMEOUT_MS };
      const session = await withFirstSession(cookie.read(request), async (sessionId) => {
        return { sessionId, ...(await user.getUserInfo({ sessionId }, options)) };
      });
      using _turn = turns.begin(session.sessionId);
      server.timeout(request, 0); // The body has limits of its own.
      using upload = await readUpload(request, boundary, bodies).finally(() => {
        server.timeout(request, ANSWER_SECONDS);
      });
      return await save(request, requestId, session, upload);
    },

    async show({ params: { name = "" } }) {
      const picture = builtIn.get(name) ?? (await avatars.find(name));
      if (!picture) throw new Refusal(404, "name: there is no picture of this name");
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

  async function save(
    request: Request,
    requestId: string,
    { sessionId, ...profile }: Session,
    { file, username }: Upload,
  ): Promise<Response> {
    const deadline = performance.now() + TIMEOUT_MS;
    if (username !== undefined && username !== profile.username) {
      throw new Refusal(400, "username: must be the session's own");
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
      const update = { sessionId, profilePath, ...(username !== undefined && { username }) };
      await user.updateProfilePic(update, { requestId, timeoutMs });
    } catch (error) {
      if (hasChangedNothing(error)) await removals.unused(profilePath, requestId);
      else removals.undecided(replacement);
      throw error;
    }
    removals.replaced(replacement);
    return success({ profilePath });
  }
}

/** The pictures that come with Portico, whatever becomes of the others. */
function readPictures(folder: string): ReadonlyMap<string, Blob> {
  return new Map(
    readdirSync(folder).map((name) => [name, new Blob([readFileSync(join(folder, name))])]),
  );
}

/** Whether an update that failed so has certainly not happened, and never will. */
function hasChangedNothing(error: unknown): boolean {
  if (error instanceof RpcError) return !error.processed;
  return error instanceof DomainError && NOTHING_WRITTEN.has(error.code);
}
