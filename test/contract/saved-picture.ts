import { type Api, isRecord } from "./client.ts";
import { avatarForm, pngOf } from "./images.ts";

/** Give the user of the session a picture. @returns its file name */
export async function savedPicture(api: Api): Promise<string> {
  const answer = await api.avatar(avatarForm(pngOf(9, 9, [1, 2, 3])));
  if (!isRecord(answer.data)) throw new Error(`Not uploaded: ${answer.text}`);
  return String(answer.data.profilePath);
}
