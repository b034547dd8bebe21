import { type Answer, type Heat, predict, type Rectangle } from './serve-requests.ts';

/*
 * How the page on which people try a model shows a picture and its prediction.
 */

/** Makes an element with these classes and children; text is never read as HTML. */
export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className = '',
  ...children: Array<Node | string>
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

export const percent = (value: number) => `${(100 * value).toFixed(1)} %`;

/** The rectangle around a picture and what the model sees of it. */
function frameOf({ width, height, seen }: Answer): Rectangle {
  const [left, top] = [Math.min(0, seen.left), Math.min(0, seen.top)];
  return {
    left,
    top,
    width: Math.max(width, seen.left + seen.width) - left,
    height: Math.max(height, seen.top + seen.height) - top,
  };
}

/** Puts an element into a place of the frame, whatever the size at which the frame is shown. */
function put(shown: HTMLElement, place: Rectangle, frame: Rectangle): void {
  const share = (part: number, whole: number) => `${(100 * part) / whole}%`;
  shown.style.setProperty('--left', share(place.left - frame.left, frame.width));
  shown.style.setProperty('--top', share(place.top - frame.top, frame.height));
  shown.style.setProperty('--width', share(place.width, frame.width));
  shown.style.setProperty('--height', share(place.height, frame.height));
}

/** A map as colours from faint blue to red, which the browser enlarges smoothly. */
function heatCanvas({ label, width, height, map }: Heat): HTMLCanvasElement {
  const canvas = make('canvas');
  canvas.width = width;
  canvas.height = height;
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', `Heat map: where ${label} shows`);
  const context = canvas.getContext('2d');
  const pixels = context?.createImageData(width, height);
  if (!context || !pixels) return canvas;
  for (const [index, value] of map.entries()) {
    // Blue, green, yellow, red.
    const hue = 240 * (1 - value);
    const channel = (offset: number) => {
      const k = (offset + hue / 60) % 6;
      return 255 * (1 - Math.max(0, Math.min(k, 4 - k, 1)));
    };
    pixels.data.set([channel(5), channel(3), channel(1), 255 * (0.2 + 0.45 * value)], 4 * index);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/** Shows a picture as soon as the browser has it; resolves to whether it can. */
export function preview(file: File): { image: HTMLImageElement; isShown: Promise<boolean> } {
  const image = make('img');
  const url = URL.createObjectURL(file);
  const isShown = new Promise<boolean>((resolve) => {
    image.addEventListener('load', () => resolve(true));
    image.addEventListener('error', () => resolve(false));
  }).finally(() => URL.revokeObjectURL(url));
  image.alt = '';
  image.src = url;
  return { image, isShown };
}

/** Everything about a picture that has been classified. */
export function result(file: File, answer: Answer, image: HTMLImageElement | null): HTMLElement[] {
  const bars = make(
    'ol',
    'bars',
    ...answer.top.map(({ label, probability }) => {
      const bar = make('i');
      bar.style.setProperty('--share', percent(probability).replace(' ', ''));
      return make('li', '', make('span', '', label), make('span', '', percent(probability)), bar);
    }),
  );
  bars.setAttribute('aria-label', 'Likeliest classes');
  if (!image) {
    const kind = file.type.replace('image/', '').toUpperCase() || 'of this kind';
    const what = kind === 'of this kind' ? `pictures ${kind}` : `${kind} pictures`;
    return [make('p', 'note', `This browser cannot show ${what}, but the server has read it.`), bars];
  }
  const frame = frameOf(answer);
  const view = make('div', 'view');
  view.style.setProperty('--ratio', String(frame.width / frame.height));
  const whole = { left: 0, top: 0, width: answer.width, height: answer.height };
  const padding = make('div', 'padding');
  const outline = make('div', 'seen');
  put(padding, answer.seen, frame);
  put(image, whole, frame);
  put(outline, answer.seen, frame);
  image.alt = `${file.name || 'The picture'}, ${answer.width} by ${answer.height} pixels`;
  view.append(padding, image, outline);
  const stage = make('div', 'stage', view);
  const actions = make('div', 'actions', heatButton(file, view, outline, answer, frame), seenButton(outline));
  return [stage, bars, actions];
}

function toggle(text: string, isPressed: boolean): HTMLButtonElement {
  const button = make('button', '', text);
  button.type = 'button';
  button.setAttribute('aria-pressed', String(isPressed));
  return button;
}

function seenButton(outline: HTMLElement): HTMLButtonElement {
  const button = toggle('What the model sees', true);
  button.addEventListener('click', () => {
    outline.hidden = !outline.hidden;
    button.setAttribute('aria-pressed', String(!outline.hidden));
  });
  return button;
}

/** A button that lays the heat map over the picture, which it asks for once, and says what its colours mean. */
function heatButton(
  file: File,
  view: HTMLElement,
  outline: HTMLElement,
  { seen }: Answer,
  frame: Rectangle,
): HTMLButtonElement {
  const button = toggle('Heat map', false);
  const note = make('p', 'note');
  note.setAttribute('role', 'status');
  let canvas: HTMLCanvasElement | undefined;
  let meaning = '';
  const show = async () => {
    if (!canvas) {
      const { heat } = await predict(file, true);
      if (!heat) return;
      canvas = heatCanvas(heat);
      put(canvas, seen, frame);
      view.insertBefore(canvas, outline);
      meaning = `Red: what speaks most for ${heat.label}. Blue: what does not.`;
    } else canvas.hidden = !canvas.hidden;
    button.setAttribute('aria-pressed', String(!canvas.hidden));
    note.textContent = canvas.hidden ? '' : meaning;
  };
  button.addEventListener('click', () => {
    view.parentElement?.after(note);
    button.disabled = true;
    show()
      .catch((error: Error) => {
        note.textContent = error.message;
      })
      .finally(() => {
        button.disabled = false;
        button.focus();
      });
  });
  return button;
}
