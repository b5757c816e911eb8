const MAX_COLUMNS = 100;

/** The first line of every emitted file. */
export function header(source: string): string {
  return `// @generated from ${source} by \`bun run codegen\`. Edit the schema, not this file.`;
}

/** `signIn` → `SIGN_IN` */
export function constantName(name: string): string {
  return name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase();
}

/** `AuditLog` → `auditLog` */
export function variableName(service: string): string {
  return `${service.charAt(0).toLowerCase()}${service.slice(1)}`;
}

/** `data.username`, or `data["user-name"]` if the field's name is not an identifier. */
export function memberOf(value: string, field: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(field)
    ? `${value}.${field}`
    : `${value}[${JSON.stringify(field)}]`;
}

/** The doc comment of a declaration. It ends with the source of the declaration. */
export function originDoc(name: string, source: string, ...paragraphs: string[]): string {
  return comment("", [...paragraphs, `From \`${name}\` in ${source}.`]);
}

/** A doc comment for a member. */
export function docComment(...paragraphs: string[]): string {
  return comment("  ", paragraphs);
}

/** Make a text of a schema safe for a comment: on one line, and without the end of a comment. */
export function commentText(text: string): string {
  return text.replace(/\s+/g, " ").replaceAll("*/", "*\\/");
}

/** A comment on one line if it fits, otherwise wrapped: Biome does not wrap comments. */
function comment(indent: string, paragraphs: readonly string[]): string {
  const texts = paragraphs.map(commentText);
  const line = `${indent}/** ${texts.join(" ")} */`;
  if (line.length <= MAX_COLUMNS) return line;
  const lines = texts.flatMap((text) => wrap(text, `${indent} *`));
  return [`${indent}/**`, ...lines, `${indent} */`].join("\n");
}

function wrap(text: string, start: string): string[] {
  const lines: string[] = [];
  let line = start;
  for (const word of text.split(/\s+/)) {
    if (line.length + 1 + word.length > MAX_COLUMNS) {
      lines.push(line);
      line = start;
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
