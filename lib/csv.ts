/** A row of comma-separated values without its line's end; a field is quoted where RFC 4180 asks for it. */
export function csvRow(fields: ReadonlyArray<string | number>): string {
  return fields.map((field) => quotedWhereNeeded(String(field))).join(',');
}

function quotedWhereNeeded(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
