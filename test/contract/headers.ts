// The headers for security: the whole set of each kind of answer.

const LOADS_NOTHING = "default-src 'none'; frame-ancestors 'none'";
export type HeaderSet = Readonly<Record<string, string>>;
export const JSON_SET = {
  "x-content-type-options": "nosniff",
  "content-security-policy": LOADS_NOTHING,
  "cross-origin-resource-policy": "same-origin",
};
export const FILE_SET = { ...JSON_SET, "referrer-policy": "same-origin" };
export const PAGE_SET = {
  ...FILE_SET,
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "img-src 'self' blob: data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy":
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), " +
    "magnetometer=(), microphone=(), midi=(), payment=(), usb=()",
};
export const PICTURE_SET = {
  ...JSON_SET,
  "content-security-policy": `${LOADS_NOTHING}; style-src 'unsafe-inline'`,
  "cross-origin-resource-policy": "same-site",
};

/** Everything that could be such a header, so that the test sees one too many as well. */
const IS_SECURITY =
  /^(x-(content|frame|xss|powered)|strict|.*-policy|clear|content-security|origin|access|server)/;

export function securityOf(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => IS_SECURITY.test(name)));
}
