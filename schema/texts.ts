import { FormatRegistry, Type } from "@sinclair/typebox";
import { NICKNAME_LENGTH, PASSWORD_LENGTH, USERNAME_LENGTH } from "./lengths.ts";

// Lengths count code points, and names are stored and compared in NFC. TypeBox's `minLength` counts
// UTF-16 units, and its `pattern` compiles without the `u` flag. So each text is a format, and
// `unicodePattern` is its rule. `documented` is the same rule for OpenAPI. Programs generate
// example texts from `documented`: they know lengths and a few properties of Unicode, and use `not`
// only to check.
//
// Many scripts (Devanagari, Thai, …) write letters with marks, so a username may have marks after a
// letter, and nowhere else. Invisible characters (variation selectors, fillers) are refused: two
// different names would look alike.
const USERNAME_CHARACTERS = "(?:\\p{L}\\p{M}*|\\p{Nd}|[_.-])+$";
const IGNORABLE = "\\p{Default_Ignorable_Code_Point}";
// Printable. Joiners and variation selectors are allowed: they are part of emoji.
const PRINTABLE = "[^\\p{Cc}\\p{Cn}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Bidi_Control}]";
/** The characters that PRINTABLE excludes, without the very many of `Cn` and `Cs`. */
const CONTROLS =
  "\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069";
const UNASSIGNED = "[\\p{Cn}\\p{Cs}]";
/** Invisible characters. The last ones are letters and symbols with blank glyphs. */
const INVISIBLE = `\\p{White_Space}${IGNORABLE}\\p{Cf}\\u2800\\u{1d159}\\u{13441}\\u{13442}`;

interface TextRule {
  readonly format: string;
  readonly min: number;
  readonly max: number;
  /** The pattern of the whole text. `lengths` is a quantifier, as `{4,13}`. */
  readonly pattern: (lengths: string) => string;
  /** With `minLength` and `maxLength`, the same rule as `pattern`. */
  readonly documented: { readonly pattern: string; readonly not: string };
  readonly rule: string;
  readonly example: string;
}

/** A text that people choose: a format, and its rule in JSON Schema. */
function chosenText({ format, min, max, pattern, documented, rule, example }: TextRule) {
  const unicodePattern = pattern(`{${min},${max}}`);
  const regExp = new RegExp(unicodePattern, "u");
  FormatRegistry.Set(format, (text) => regExp.test(text) && text === text.normalize("NFC"));
  return Type.String({
    format,
    unicodePattern,
    documented: { minLength: min, maxLength: max, ...documented },
    examples: [example],
    description: `${min} to ${max} ${rule}`,
  });
}

export const Username = chosenText({
  format: "username",
  ...USERNAME_LENGTH,
  pattern: (lengths) => `^(?=.${lengths}$)(?!.*${IGNORABLE})${USERNAME_CHARACTERS}`,
  documented: { pattern: `^${USERNAME_CHARACTERS}`, not: IGNORABLE },
  rule: "code points, NFC: letters and digits of any script, and _ - .",
  example: "grace",
});
export const Password = chosenText({
  format: "password",
  ...PASSWORD_LENGTH,
  pattern: (lengths) => `^${PRINTABLE}${lengths}$`,
  documented: { pattern: `^[^${CONTROLS}]*$`, not: UNASSIGNED },
  rule: "printable code points, NFC.",
  example: "hopper1906",
});
export const Nickname = chosenText({
  format: "nickname",
  ...NICKNAME_LENGTH,
  pattern: (lengths) => `^(?=.*[^${INVISIBLE}])${PRINTABLE}${lengths}$`,
  documented: { pattern: `^[^${CONTROLS}]*$`, not: `${UNASSIGNED}|^[${INVISIBLE}]*$` },
  rule: "printable code points, NFC, one of which can be seen.",
  example: "Amazing",
});
