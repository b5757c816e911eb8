import { api } from "./api.js";
import { offerReveal, sendByScript, textOf } from "./form.js";
import { find, leaveFor, takeNote } from "./page.js";

const form = find("form", HTMLFormElement);

sendByScript(form, {
  rules:
    "No account looks like this: usernames have {{usernameLength}} characters, " +
    "and passwords have {{passwordLength}}.",
  async send(fields) {
    const [username, password] = [textOf(fields, "username"), textOf(fields, "password")];
    const result = await api.signIn({ username, password });
    if (result.tag !== "success") return result;
    return leaveFor("/userInfo.html");
  },
});
offerReveal(form);

const { note, username } = takeNote();
find("#note", HTMLElement).textContent = note;
if (username) {
  find("#username", HTMLInputElement).value = username;
  find("#password", HTMLInputElement).focus();
}
