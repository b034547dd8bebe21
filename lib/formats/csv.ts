import { shown } from '../support/printable.ts';

/**
 * A row of comma-separated values without a line break. Fields are quoted where RFC 4180 requires it. A text that a
 * spreadsheet would run as a formula gets a leading apostrophe, as OWASP recommends
 * (https://owasp.org/www-community/attacks/CSV_Injection). Numbers stay unchanged; null is an empty field.
 */
export function csvRow(fields: ReadonlyArray<string | number | null>): string {
  return fields
    .map((field) =>
      typeof field === 'string' ? quotedWhereNeeded(harmless(shown(field))) : String(field ?? ''),
    )
    .join(',');
}

/** A path for a row. If it would start a formula, `./` is put before it; it still names the same file. */
export function csvPath(path: string): string {
  return isFormula(path) ? `./${path}` : path;
}

function harmless(text: string): string {
  return isFormula(text) ? `'${text}` : text;
}

/** Whether a text begins like a formula. Full-width signs count too. */
function isFormula(text: string): boolean {
  return /^[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(text);
}

function quotedWhereNeeded(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
