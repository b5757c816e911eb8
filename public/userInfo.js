import { api } from "./api.js";
import { sendByScript, showFailure, textOf } from "./form.js";
import { find, leaveFor } from "./page.js";

/** @import { GetUserInfoData } from "./api.js" */
/** @import { Failure } from "./form.js" */

const DEFAULT_PICTURE = "/avatars/default.webp";
const PICTURE_RULES =
  "This picture cannot be used. " +
  "Please choose a JPEG, PNG, WebP, GIF or AVIF of {{pictureLimits}}. " +
  "Of an iPhone's HEIC, please choose a copy saved as JPEG.";
// A picture may be large, and the upload from a phone slow.
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
  rules:
    "Please use {{nicknameLength}} characters, and at least one that can be seen; " +
    "an emoji may count as several.",
  async send(fields) {
    const wanted = { nickname: textOf(fields, "nickname"), username: shownName() };
    const result = await signedIn(api.updateNickname(wanted));
    if (result.tag !== "success") return ofOtherAccount(result) ?? result;
    showNickname(result.data);
    return "Your nickname is saved.";
  },
});

sendByScript(pictureForm, {
  rules: PICTURE_RULES,
  async send() {
    const file = chosen.files?.[0];
    // The server refuses these two as well, but only after the whole upload.
    if (!file) return incomplete("Please choose a picture first.");
    if (file.size > Number(chosen.dataset.maxBytes)) return incomplete(PICTURE_RULES);
    const wanted = { profilePic: file, username: shownName() };
    const upload = api.updateProfilePic(wanted, { timeoutMs: UPLOAD_TIMEOUT_MS });
    const result = await signedIn(upload);
    if (result.tag !== "success") return ofOtherAccount(result) ?? result;
    showPicture(result.data.profilePath);
    pictureForm.reset();
    showPreview();
    return "Your picture is saved.";
  },
});

sendByScript(signOutForm, {
  rules: "You could not be signed out. Please reload this page, then try again.",
  async send() {
    const result = await signedIn(api.signOut());
    if (result.tag !== "success") return result;
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
  const result = await signedIn(api.getUserInfo());
  loading.textContent = "";
  if (result.tag === "success") return show(result.data);
  retry.hidden = false;
  showFailure(find("#trouble", HTMLElement), result);
}

/**
 * Return the result, or load the sign-in page if the session or its user no longer exists.
 *
 * @template {{ tag: string }} Result
 * @param {Promise<Result>} call
 * @returns {Promise<Result>}
 */
async function signedIn(call) {
  const result = await call;
  if (result.tag !== "InvalidSessionError" && result.tag !== "UserNotExistError") return result;
  const wasShown = !account.hidden;
  return leaveFor("/signIn.html", {
    note: wasShown ? "Your session has ended. Please sign in again." : "Please sign in first.",
    username: shownName(),
    replace: true,
  });
}

/** The user whose account this page shows. */
function shownName() {
  return shownUsername.textContent ?? "";
}

/**
 * The failure if the session belongs to another user than this page shows, because of a sign-in in
 * another tab.
 *
 * @param {{ tag: string, detail?: string }} result
 * @returns {Failure | undefined}
 */
function ofOtherAccount({ tag, detail = "" }) {
  const isOther = tag === "InvalidParamsError" && detail.startsWith("username:");
  return isOther ? { tag: "OtherAccount" } : undefined;
}

/**
 * @param {string} detail
 * @returns {Failure}
 */
function incomplete(detail) {
  return { tag: "Incomplete", detail, field: chosen.name };
}

/** @param {GetUserInfoData} profile */
function show({ username, nickname, profilePath }) {
  shownUsername.textContent = username;
  showNickname(nickname);
  showPicture(profilePath);
  account.hidden = false;
}

/** @param {string} text */
function showNickname(text) {
  shownNickname.textContent = text;
  nickname.value = text;
}

/** @param {string} profilePath */
function showPicture(profilePath) {
  // The file may be missing, for example after an update whose answer was lost.
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
