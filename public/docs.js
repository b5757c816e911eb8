// Shows /openapi.json in Swagger UI, which the page has loaded.

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
  // Hide the button to authorize: a script cannot set the session's cookie. To sign in, users try
  // out the endpoint that signs in.
  plugins: [() => ({ wrapComponents: { authorizeBtn: () => () => null } })],
});
