import { call } from "./api.js";
import { offerReveal, sendByScript } from "./form.js";
import { find, leaveFor, takeNote } from "./page.js";

const form = find("form", HTMLFormElement);

sendByScript(form, {
  rules: "No account looks like this: usernames and passwords both have 4 to 13 characters.",
  async send(fields) {
    await call(form.action, Object.fromEntries(fields));
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
