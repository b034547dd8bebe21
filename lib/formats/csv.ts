import { shown } from '../support/printable.ts';

/**
 * A row of comma-separated values without its line's end; a field is quoted where RFC 4180 asks for it. Spreadsheets
 * run a text that begins as a formula does, so such a one gets an apostrophe in front, as OWASP advises
 * (https://owasp.org/www-community/attacks/CSV_Injection); numbers stay as they are.
 */
export function csvRow(fields: ReadonlyArray<string | number>): string {
  return fields
    .map((field) => (typeof field === 'number' ? String(field) : quotedWhereNeeded(harmless(shown(field)))))
    .join(',');
}

/** A path for a row: one that begins as a formula does is given as seen from its directory, and names the same file. */
export function csvPath(path: string): string {
  return isFormula(path) ? `./${path}` : path;
}

function harmless(text: string): string {
  return isFormula(text) ? `'${text}` : text;
}

/** The signs of full width count too. */
function isFormula(text: string): boolean {
  return /^[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(text);
}

function quotedWhereNeeded(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
