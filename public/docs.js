// Shows /openapi.json with the viewer that the page has loaded.

/** @type {(options: Record<string, unknown>) => void} */
const show = Reflect.get(globalThis, "SwaggerUIBundle");
const dark = matchMedia("(prefers-color-scheme: dark)");

const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);

show({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  // No script may set the session's cookie: trying out the sign-in does.
  plugins: [() => ({ wrapComponents: { authorizeBtn: () => () => null } })],
});
