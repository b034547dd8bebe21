import { shownText } from '../support/printable.ts';

/** A piece of HTML whose text is already escaped. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Values that a template accepts; null adds nothing. */
export type Content = Html | string | number | null | readonly Content[];

/** Template tag for HTML. It escapes all inserted values except `Html`. */
export function html(parts: TemplateStringsArray, ...contents: Content[]): Html {
  return new Html(
    parts.map((part, index) => (index === 0 ? '' : textOf(contents[index - 1] ?? null)) + part).join(''),
  );
}

function textOf(content: Content): string {
  if (content instanceof Html) return content.text;
  if (Array.isArray(content)) return content.map(textOf).join('');
  return content === null
    ? ''
    : shownText(String(content)).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
