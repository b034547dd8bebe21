import type { Html } from '../report/html.ts';

/** A part of a page that is replaced whenever it changes. */
export interface Section {
  /** Unique in the page. */
  id: string;
  content: Html;
}
