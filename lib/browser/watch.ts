/*
 * Follows a run: replaces the sections of the page that the server says have changed.
 */

const main = document.querySelector('main') as HTMLElement;
const connection = document.querySelector('#connection') as HTMLElement;
const said = document.querySelector('#said') as HTMLElement;

/** Time before another try where the browser makes none. */
const RETRY_MS = 2000;

function sectionOf(id: string): HTMLElement | null {
  return main.querySelector(`:scope > [data-section="${CSS.escape(id)}"]`);
}

/** Makes the page have these sections, in this order. */
function order(ids: readonly string[]): void {
  for (const element of [...main.children]) {
    if (!ids.includes((element as HTMLElement).dataset.section ?? '')) element.remove();
  }
  for (const [place, id] of ids.entries()) {
    let element = sectionOf(id);
    if (!element) {
      element = document.createElement('div');
      element.dataset.section = id;
    }
    if (main.children[place] !== element) main.insertBefore(element, main.children[place] ?? null);
  }
}

const FOCUSABLE = 'a[href], summary, button, [tabindex]';

/** Puts new content into a section; what was unfolded stays so, and the focus stays where it was. */
function replace(id: string, html: string): void {
  const element = sectionOf(id);
  if (!element) return;
  const unfolded = [...element.querySelectorAll('details')].map((details) => details.open);
  const scrolled = [...element.querySelectorAll('.wide')].map(
    (wide) => [wide.scrollLeft, wide.scrollTop] as const,
  );
  const focused = [...element.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement as Element);
  element.innerHTML = html;
  for (const [place, details] of [...element.querySelectorAll('details')].entries()) {
    details.open = unfolded[place] ?? false;
  }
  for (const [place, wide] of [...element.querySelectorAll('.wide')].entries()) {
    [wide.scrollLeft, wide.scrollTop] = scrolled[place] ?? [0, 0];
  }
  if (focused >= 0)
    (element.querySelectorAll(FOCUSABLE)[focused] as HTMLElement | undefined)?.focus({ preventScroll: true });
}

/** Tells a screen reader of epochs and of the end, not of every batch. */
function announce(): void {
  const text = main.querySelector<HTMLElement>('.state')?.dataset.said ?? '';
  if (text !== said.textContent) said.textContent = text;
}

function showConnection(isOpen: boolean): void {
  connection.hidden = isOpen;
  if (isOpen) return;
  const isOver = main.querySelector<HTMLElement>('.state')?.dataset.state === 'over';
  const time = new Date().toLocaleTimeString();
  connection.textContent = isOver
    ? 'The run is over, and torch-tl watch is gone. This page stays as it is.'
    : `The connection to torch-tl watch was lost at ${time}. This page shows how the run stood then; it tries to connect again.`;
}

function connect(): void {
  const source = new EventSource(`events${location.search}`);
  source.addEventListener('open', () => showConnection(true));
  source.addEventListener('order', ({ data }) => order(JSON.parse(data)));
  source.addEventListener('section', ({ data }) => {
    const { id, html } = JSON.parse(data);
    replace(id, html);
    announce();
  });
  source.addEventListener('error', () => {
    if (connection.hidden) showConnection(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_MS);
  });
}

connect();
