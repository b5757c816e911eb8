// Headers that tell a browser what it may do with an answer, by the kind of answer. docs/api.md
// says why each kind has these.

/** For answers that load nothing. No site may show them in a frame. */
const LOADS_NOTHING = "default-src 'none'; frame-ancestors 'none'";

/** Only the own origin may load the answer as a script, a picture or the like (Spectre). */
const OWN_ORIGIN = { "Cross-Origin-Resource-Policy": "same-origin" };

/**
 * JSON of the API, errors too. The list is short because user info is the most frequent answer:
 * headers for documents with scripts or links have no effect on JSON.
 */
export const JSON_SECURITY = {
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": LOADS_NOTHING,
  ...OWN_ORIGIN,
};

/** Scripts, style sheets and other files that the pages load. */
export const FILE_SECURITY = { ...JSON_SECURITY, "Referrer-Policy": "same-origin" };

export const REDIRECT_SECURITY = FILE_SECURITY;

/** Documents. They may load files of their own origin. */
export const PAGE_SECURITY = {
  ...FILE_SECURITY,
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    // `blob:` shows a picture before it is uploaded; Swagger UI has pictures in `data:`.
    "img-src 'self' blob: data:",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  // A site that opens a page gets no reference to its window, and none to its size or frames.
  "Cross-Origin-Opener-Policy": "same-origin",
  "Permissions-Policy": [
    ...["accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer"],
    ...["microphone", "midi", "payment", "usb"],
  ]
    .map((feature) => `${feature}=()`)
    .join(", "),
};

/** Pictures are public. Other hosts of the same site, such as other services, may show them. */
export const PICTURE_SECURITY = {
  ...JSON_SECURITY,
  // Browsers style the page on which they show a picture alone. GitHub allows that, too.
  "Content-Security-Policy": `${LOADS_NOTHING}; style-src 'unsafe-inline'`,
  "Cross-Origin-Resource-Policy": "same-site",
};

/**
 * For every answer if browsers use https: for a year, they never use plain HTTP with this host. Its
 * subdomains are not included: they may belong to others.
 */
export const HSTS = { name: "Strict-Transport-Security", value: "max-age=31536000" };
