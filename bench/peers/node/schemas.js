// JSON schemas of bodies and answers, which Fastify compiles.

const PRINTABLE = "[^\\p{Cc}\\p{Cn}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Bidi_Control}]";

const username = {
  type: "string",
  minLength: 4,
  maxLength: 13,
  pattern: "^(?:\\p{L}\\p{M}*|\\p{Nd}|[_.-])+$",
};
const password = { type: "string", minLength: 4, maxLength: 13, pattern: `^${PRINTABLE}+$` };
const nickname = {
  type: "string",
  minLength: 1,
  maxLength: 8,
  pattern: `^(?=.*\\P{White_Space})${PRINTABLE}+$`,
};

export const CREDENTIALS = {
  type: "object",
  required: ["username", "password"],
  properties: { username, password },
};

export const NICKNAME = {
  type: "object",
  required: ["nickname"],
  properties: { nickname },
};

const TEXT = { type: "string" };

const PROFILE = {
  type: "object",
  properties: { username: TEXT, nickname: TEXT, profilePath: TEXT },
};

/** @param {object} data */
function envelope(data) {
  return { type: "object", properties: { errCode: TEXT, errMsg: TEXT, data } };
}

/** @param {object} data */
function answers(data) {
  return { 200: envelope(data), "4xx": envelope(TEXT), "5xx": envelope(TEXT) };
}

export const TEXT_ANSWERS = answers(TEXT);
export const PROFILE_ANSWERS = answers(PROFILE);
