import { ask, later, type Model, predict, Refused, settings } from './serve-requests.ts';
import { make, percent, preview, result } from './serve-view.ts';

/*
 * The page on which people try a model.
 */

/** What the model sees of a picture. */
const SEEN = {
  cover: 'the square in the middle of a picture',
  contain: 'a whole picture, with padding to a square',
  stretch: 'a whole picture, stretched to a square',
};

const page = element('try');
let model: Model | undefined;
let left = 0;
let done = 0;

function element<Type extends HTMLElement = HTMLElement>(id: string): Type {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no ${id}.`);
  return found as Type;
}

function add(file: File): void {
  const name = file.name || 'pasted picture';
  const wait = make('p', 'note', 'Waiting…');
  const card = make('li', '', make('h2', '', name), wait);
  element('pictures').append(card);
  element('clear').hidden = false;
  left += 1;
  announce();
  later(async () => {
    if (!card.isConnected) return ended();
    const { image, isShown } = preview(file);
    try {
      const [answer, shown] = await Promise.all([predict(file, false), isShown]);
      wait.replaceWith(...result(file, answer, shown ? image : null));
      ended(card.isConnected ? `${name}: ${answer.label}, ${percent(answer.probability)}.` : '');
    } catch (error) {
      const { message } = error as Error;
      wait.replaceWith(make('p', 'warning error', message));
      ended(card.isConnected ? `${name}: ${message}` : '');
      if (error instanceof Refused && error.status === 401) askForToken('The server wants another token.');
    }
  });
}

function say(text: string): void {
  element('status').textContent = text;
}

/** Says how many pictures are left, or what came out. */
function announce(text = ''): void {
  const count = left === 1 ? '1 picture is waiting.' : `${left} pictures are waiting.`;
  say([text, left > 0 ? count : done > 1 ? `All ${done} pictures are done.` : ''].filter(Boolean).join(' '));
}

function ended(text = ''): void {
  left -= 1;
  done += 1;
  announce(text);
  if (left === 0) done = 0;
}

function addAll(files: Iterable<File>): void {
  if (model) for (const file of files) add(file);
}

function askForToken(note?: string): void {
  element('tool').hidden = true;
  element('token-form').hidden = false;
  if (note) element('token-note').textContent = note;
  element('token').focus();
}

async function begin(): Promise<void> {
  try {
    model = await ask<Model>('model');
  } catch (error) {
    if (error instanceof Refused && error.status === 401)
      return askForToken('This is not the token of this server.');
    element('tool').hidden = false;
    return say((error as Error).message);
  }
  const { classes, imageSize, resize, weights, device, precision } = model;
  const name = weights ? `${weights.name} tells` : 'The model tells';
  element('model').textContent =
    `${name} ${classes.length} classes apart. It sees ${SEEN[resize]}, at ${imageSize} x ${imageSize} pixels, and computes on ${device} in ${precision}.`;
  element('classes').textContent = classes.join(', ');
  element('token-form').hidden = true;
  element('tool').hidden = false;
}

function listen(): void {
  const files = element<HTMLInputElement>('files');
  files.addEventListener('change', () => {
    addAll([...(files.files ?? [])]);
    // So that the same picture may be chosen again.
    files.value = '';
  });
  document.addEventListener('paste', ({ clipboardData }) => addAll(clipboardData?.files ?? []));
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('dropping');
  });
  document.addEventListener('dragleave', ({ relatedTarget }) => {
    if (relatedTarget === null) document.body.classList.remove('dropping');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    document.body.classList.remove('dropping');
    addAll(event.dataTransfer?.files ?? []);
  });
  element('clear').addEventListener('click', () => {
    element('pictures').replaceChildren();
    element('clear').hidden = true;
    say('All pictures are removed.');
    element('files').focus();
  });
  element('token-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const input = element<HTMLInputElement>('token');
    settings.token = input.value.trim();
    input.value = '';
    void begin();
  });
}

settings.maxBodySize = Number(page.dataset.maxBodySize);
listen();
if (page.dataset.token === 'needed') askForToken();
else void begin();
