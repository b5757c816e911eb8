const SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;
const OTHER_SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)\b/y;

/** Where `text` stops being JSON (RFC 8259), as an index: `JSON.parse` does not say. */
export function whereJsonBreaks(text: string): number {
  let at = 0;
  const skip = (token: RegExp): boolean => {
    token.lastIndex = at;
    if (!token.test(text)) return false;
    at = token.lastIndex;
    return true;
  };
  const take = (token: RegExp): boolean => skip(SPACE) && skip(token);
  const value = (): boolean => {
    if (take(/\{/y)) return list(() => take(STRING) && take(/:/y) && value(), /\}/y);
    if (take(/\[/y)) return list(value, /\]/y);
    return take(STRING) || take(OTHER_SCALAR);
  };
  const list = (item: () => boolean, end: RegExp): boolean => {
    if (take(end)) return true;
    do if (!item()) return false;
    while (take(/,/y));
    return take(end);
  };
  value();
  skip(SPACE);
  return at;
}
