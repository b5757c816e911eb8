import { call } from "./api.js";
import { offerReveal, sendByScript } from "./form.js";
import { find, leaveFor } from "./page.js";

const form = find("form", HTMLFormElement);

sendByScript(form, {
  rules:
    "Please use 4 to 13 letters, digits, _ - or dots for the username, " +
    "and 4 to 13 characters for the password.",
  async send(fields) {
    await call(form.action, Object.fromEntries(fields));
    return leaveFor("/signIn.html", {
      note: "Your account is ready. Sign in to see it.",
      username: String(fields.get("username")),
    });
  },
});
offerReveal(form);
