import { call, notUnderstood, Refusal } from "./api.js";
import { refuse, sendByScript } from "./form.js";
import { find, leaveFor } from "./page.js";

const DEFAULT_PICTURE = "/avatars/default.webp";
const PICTURE_LIMIT_BYTES = 8 * 1024 * 1024;
const PICTURE_RULES =
  "This picture cannot be used. " +
  "Please choose a JPEG, PNG, WebP, GIF or BMP of at most 8 MiB and 16 megapixels.";
// A picture may be large and a phone's way up narrow.
const UPLOAD_TIMEOUT_MS = 180_000;

const loading = find("#loading", HTMLElement);
const retry = find("#retry", HTMLButtonElement);
const account = find("#account", HTMLElement);
const shownUsername = find("#shown-username", HTMLElement);
const shownNickname = find("#shown-nickname", HTMLElement);
const picture = find("#picture", HTMLImageElement);
const nicknameForm = find("#nickname-form", HTMLFormElement);
const nickname = find("#nickname", HTMLInputElement);
const pictureForm = find("#picture-form", HTMLFormElement);
const chosen = find("#profilePic", HTMLInputElement);
const preview = find("#preview", HTMLImageElement);
const signOutForm = find("#sign-out-form", HTMLFormElement);

sendByScript(nicknameForm, {
  rules: "Please use 1 to 8 characters that can be seen; an emoji may count as several.",
  async send(fields) {
    showNickname(await callSignedIn(nicknameForm.action, Object.fromEntries(fields)));
    return "Your nickname is saved.";
  },
});

sendByScript(pictureForm, {
  rules: PICTURE_RULES,
  async send(fields) {
    const file = chosen.files?.[0];
    // These two the server refuses as well, but only after the whole upload.
    if (!file) throw new Refusal("Please choose a picture first.", { field: chosen.name });
    if (file.size > PICTURE_LIMIT_BYTES) throw new Refusal(PICTURE_RULES, { field: chosen.name });
    const data = await callSignedIn(pictureForm.action, fields, UPLOAD_TIMEOUT_MS);
    showPicture(Object(data).profilePath);
    pictureForm.reset();
    showPreview();
    return "Your picture is saved.";
  },
});

sendByScript(signOutForm, {
  rules: "You could not be signed out. Please reload this page, then try again.",
  async send() {
    await callSignedIn(signOutForm.action, {});
    return leaveFor("/signIn.html", { note: "You are signed out." });
  },
});

chosen.addEventListener("change", showPreview);
preview.addEventListener("error", () => {
  preview.hidden = true;
});
retry.addEventListener("click", load);
load();

async function load() {
  retry.hidden = true;
  find("[role=alert]", HTMLElement).textContent = "";
  loading.textContent = "Loading…";
  try {
    show(await callSignedIn("/api/entrytask/user/get_user_info"));
  } catch (error) {
    retry.hidden = false;
    refuse(find("#trouble", HTMLElement), error);
  } finally {
    loading.textContent = "";
  }
}

/**
 * Like call(), but where the session or its user is gone it leads to the page for signing in.
 *
 * @param {Parameters<typeof call>} request
 */
async function callSignedIn(...request) {
  try {
    return await call(...request);
  } catch (error) {
    const code = error instanceof Refusal ? error.code : undefined;
    if (code !== "2" && code !== "4") throw error;
    const wasShown = !account.hidden;
    return leaveFor("/signIn.html", {
      note: wasShown ? "Your session has ended. Please sign in again." : "Please sign in first.",
      username: shownUsername.textContent ?? "",
      replace: true,
    });
  }
}

/** @param {unknown} profile */
function show(profile) {
  const { username, nickname, profilePath } = Object(profile);
  if (typeof username !== "string") throw notUnderstood("no username");
  shownUsername.textContent = username;
  showNickname(nickname);
  showPicture(profilePath);
  account.hidden = false;
}

/** @param {unknown} text */
function showNickname(text) {
  if (typeof text !== "string") throw notUnderstood("no nickname");
  shownNickname.textContent = text;
  nickname.value = text;
}

/** @param {unknown} profilePath */
function showPicture(profilePath) {
  if (typeof profilePath !== "string") throw notUnderstood("no picture");
  // A picture may be gone: an update whose answer was lost takes its file with it.
  picture.onerror = () => {
    picture.onerror = null;
    picture.src = DEFAULT_PICTURE;
  };
  picture.src = `/avatars/${encodeURIComponent(profilePath)}`;
}

function showPreview() {
  if (preview.src) URL.revokeObjectURL(preview.src);
  const file = chosen.files?.[0];
  preview.hidden = !file;
  if (file) preview.src = URL.createObjectURL(file);
  else preview.removeAttribute("src");
}
