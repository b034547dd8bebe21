import { shownText } from '../support/printable.ts';

/** HTML that is whole as it is: all that was text in it is escaped. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What a template may hold; null stands for nothing. */
export type Content = Html | string | number | null | readonly Content[];

/** Template of HTML: what is put in is escaped, unless it is HTML already. */
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
