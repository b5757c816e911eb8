// Texts on both sides of every limit. Lengths are in code points after NFC normalisation.

/** A letter that is one code point when composed, in one writing system each. */
const LETTERS = {
  ASCII: "a",
  "a letter with an accent": "\u00e9",
  汉字: "汉",
  "a letter outside the BMP": "\u{20000}",
  "a decomposed letter (NFD)": "o\u0308",
} as const;

const SYMBOLS = {
  "an emoji": "😀",
  // One code point in, two out: composed forms that NFC takes apart.
  "half a letter that NFC takes apart": "\u0958",
} as const;

/** Man, woman, girl, boy with three joiners: seven code points, one picture. */
export const FAMILY = "👨‍👩‍👧‍👦";
const FAMILY_LENGTH = 7;

export interface Sample {
  readonly title: string;
  readonly text: string;
}

interface Limits {
  readonly min: number;
  readonly max: number;
}

/** `count` code points after NFC, made of `unit`. */
function ofLength(unit: string, count: number): string | undefined {
  const each = [...unit.normalize("NFC")].length;
  return count % each === 0 ? unit.repeat(count / each) : undefined;
}

function samples(units: Readonly<Record<string, string>>, counts: readonly number[]): Sample[] {
  return Object.entries(units).flatMap(([name, unit]) =>
    counts.flatMap((count) => {
      const text = ofLength(unit, count);
      return text === undefined ? [] : [{ title: `${count} code points of ${name}`, text }];
    }),
  );
}

function families(counts: readonly number[]): Sample[] {
  return counts
    .filter((count) => count >= FAMILY_LENGTH)
    .map((count) => ({
      title: `a family emoji in ${count} code points`,
      text: FAMILY + "x".repeat(count - FAMILY_LENGTH),
    }));
}

/** Lengths at and just inside the limits, and at and just outside them. */
function around({ min, max }: Limits): { within: number[]; outside: number[] } {
  return {
    within: [min, min + 1, max - 1, max],
    outside: [min - 1, max + 1, max + 2, 2 * max].filter((count) => count > 0),
  };
}

export interface TextTable {
  readonly good: readonly Sample[];
  readonly bad: readonly Sample[];
}

function tableOf(
  limits: Limits,
  units: Readonly<Record<string, string>>,
  good: Readonly<Record<string, string>>,
  bad: Readonly<Record<string, string>>,
  withFamilies: boolean,
): TextTable {
  const { within, outside } = around(limits);
  const named = (texts: Readonly<Record<string, string>>) =>
    Object.entries(texts).map(([title, text]) => ({ title, text }));
  return {
    good: [...samples(units, within), ...(withFamilies ? families(within) : []), ...named(good)],
    bad: [
      ...samples(units, outside),
      ...(withFamilies ? families(outside) : []),
      { title: "an empty string", text: "" },
      ...named(bad),
    ],
  };
}

/** Nowhere printable. */
const UNPRINTABLE = {
  "a NUL": "ab\u0000cd",
  "a tab": "ab\tcd",
  "a line feed": "ab\ncd",
  "a carriage return at the end": "abcd\r",
  "a DEL": "ab\u007fcd",
  "a C1 control": "ab\u0085cd",
  "a line separator": "ab\u2028cd",
  "a paragraph separator": "ab\u2029cd",
  "a left-to-right mark": "ab\u200ecd",
  "a right-to-left mark": "ab\u200fcd",
  "an Arabic letter mark": "ab\u061ccd",
  "a right-to-left override": "ab\u202ecd",
  "a left-to-right embedding": "ab\u202acd",
  "a pop of direction": "ab\u202ccd",
  "a first strong isolate": "ab\u2068cd",
  "a pop of isolate": "ab\u2069cd",
  "an unassigned code point": "ab\u0378cd",
  "a noncharacter": "ab\ufffecd",
  "a noncharacter outside the BMP": "ab\u{1ffff}cd",
  "a lone high surrogate": "ab\ud83dcd",
  "a lone low surrogate": "ab\ude00cd",
  "a lone surrogate at the end": "abcd\ud83d",
} as const;

export const USERNAMES: TextTable = tableOf(
  { min: 4, max: 13 },
  LETTERS,
  {
    "letters of Cyrillic": "Анастасия",
    "letters of Greek": "σωκράτης",
    "letters of Hebrew": "אברהם",
    "letters of Arabic": "محمدعلي",
    "letters of Hangul": "홍길동전",
    "letters of Japanese": "ひらカタ漢字",
    "letters of Georgian": "თამარი",
    "digits alone": "0123456789",
    "Arabic-Indic digits": "٠١٢٣٤٥",
    "Devanagari digits": "०१२३४",
    "fullwidth letters and digits": "Ｐｏｒｔ１２",
    "scripts mixed": "aЖ漢ا9",
    "underscore, hyphen and full stop": "a_b-c.d",
    "nothing but what joins words": "_-._",
    "a name that JavaScript objects have": "__proto__",
    "a word of SQL": "NULL",
  },
  {
    ...UNPRINTABLE,
    "a space": "ab cd",
    "a leading space": " abcd",
    "a trailing space": "abcd ",
    "a no-break space": "ab\u00a0cd",
    "an ideographic space at the end": "abcd\u3000",
    "a byte order mark": "\ufeffabcd",
    "a trailing line feed": "abcd\n",
    "four spaces": "    ",
    "an at sign": "ab@cd",
    "a colon": "ab:cd",
    "a slash": "ab/cd",
    "a plus": "ab+cd",
    "an asterisk": "ab*cd",
    "a quote": "ab'cd",
    "a tag": "<abcd>",
    "a percent sign": "ab%41",
    "an emoji": "abcd😀",
    "four emoji": "😀😀😀😀",
    "a joiner": "ab\u200dcd",
    "a zero width space": "ab\u200bcd",
    "a currency sign": "ab€cd",
    "three letters in six code points (NFD)": "e\u0301".repeat(3),
    "four emoji in eight UTF-16 units": "😀".repeat(4),
  },
  false,
);

export const PASSWORDS: TextTable = tableOf(
  { min: 4, max: 13 },
  { ...LETTERS, ...SYMBOLS },
  {
    "all of punctuation": "!\"#$%&'()*+,",
    "the rest of punctuation": "-./:;<=>?@[\\]",
    "spaces alone": "    ",
    "a leading and a trailing space": " ab ",
    "a plus and a percent sign": "a+b%20",
    "an emoji with a variation selector": "❤️❤️",
    "right-to-left letters": "שלום",
  },
  {
    ...UNPRINTABLE,
    "three letters in six code points (NFD)": "e\u0301".repeat(3),
    "seven code points that NFC makes fourteen": "\u0958".repeat(7),
    "thirteen code points that NFC makes twenty-six": "\u0958".repeat(13),
    "three emoji in six UTF-16 units": "😀".repeat(3),
  },
  true,
);

export const NICKNAMES: TextTable = tableOf(
  { min: 1, max: 8 },
  { ...LETTERS, ...SYMBOLS },
  {
    "a space inside": "a b",
    "spaces around, which stay": " a ",
    "punctuation alone": "?!",
    markup: "<b>x</b>",
    "a quote and a backslash": "\"\\'",
    "a family emoji": FAMILY,
    "an emoji with a variation selector": "❤️",
    "a flag": "🏴‍☠️",
    "a skin tone": "👋🏽",
    "eight letters in sixteen code points (NFD)": "e\u0301".repeat(8),
    "a name that JavaScript objects have": "__proto",
    "right-to-left letters": "שלום",
    "a word of JSON": "null",
    "a number": "0",
    "percent signs": "%s%d%00",
    "a letter among zero width spaces": "\u200bx\u2060",
    "a mark alone, which shows": "\u0301",
    "a letter behind a Hangul filler": "\u3164x",
  },
  {
    ...UNPRINTABLE,
    "one space": " ",
    "eight spaces": "        ",
    "a no-break space alone": "\u00a0",
    "an ideographic space alone": "\u3000",
    "an em space and a space": "\u2003 ",
    "an ogham space mark alone": "\u1680",
    "a tab alone": "\t",
    "a line feed alone": "\n",
    "a zero width space alone": "\u200b",
    "a word joiner alone": "\u2060",
    "zero width joiners": "\u200d\u200c\u200d",
    "a Hangul filler": "\u3164",
    "a halfwidth Hangul filler": "\uffa0",
    "a Hangul choseong filler": "\u115f",
    "Hangul fillers": "\u1160\u115f",
    "blank Braille": "\u2800\u2800",
    "variation selectors": "\ufe0f\ufe00",
    "a variation selector outside the BMP": "\u{e0100}",
    "tags alone": "\u{e0020}\u{e007f}",
    "a soft hyphen": "\u00ad",
    "a grapheme joiner": "\u034f",
    "a Mongolian vowel separator": "\u180e",
    "a byte order mark alone": "\ufeff",
    "an invisible times": "\u2062",
    "an annotation anchor": "\ufff9",
    "Khmer inherent vowels": "\u17b4\u17b5",
    "a musical format character": "\u{1d173}",
    "a null notehead": "\u{1d159}",
    "blank hieroglyphs": "\u{13441}\u{13442}",
    "all of them, and spaces": " \u200b\u3164\u2800\ufe0f\u00ad\u3000",
    "nine family members": `${FAMILY}xx`,
    "five code points that NFC makes ten": "\u0958".repeat(5),
    "eight code points that NFC makes sixteen": "\u0958".repeat(8),
  },
  true,
);
