import { api } from "./api.js";
import { offerReveal, sendByScript, textOf } from "./form.js";
import { find, leaveFor } from "./page.js";

const form = find("form", HTMLFormElement);

sendByScript(form, {
  rules:
    "Please use {{usernameLength}} letters, digits, _ - or dots for the username, " +
    "and {{passwordLength}} characters for the password.",
  async send(fields) {
    const [username, password] = [textOf(fields, "username"), textOf(fields, "password")];
    const result = await api.signUp({ username, password });
    if (result.tag !== "success") return result;
    return leaveFor("/signIn.html", {
      note: "Your account is ready. Sign in to see it.",
      username,
    });
  },
});
offerReveal(form);
