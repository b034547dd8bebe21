/*
 * Checks of a page in a browser, as text that runs there: this side knows nothing of a DOM.
 */

/** The lowest contrast of any text in the page, with the text: WCAG's ratio of luminances. */
export const LOWEST_CONTRAST = `(() => {
  const channels = (colour) => {
    const numbers = colour.match(/[\\d.]+(e-?\\d+)?/g).map(Number);
    return colour.startsWith('rgb') ? numbers.map((n, i) => (i < 3 ? n / 255 : n)) : numbers;
  };
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((channels(colour)[3] ?? 1) === 1) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let lowest = { contrast: Infinity, text: '' };
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (node.data.trim() === '' || element.closest('title, desc')) continue;
    const style = getComputedStyle(element);
    const [a, b] = [element.closest('svg') ? style.fill : style.color, background(element)].map(luminance);
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < lowest.contrast) lowest = { contrast, text: node.data };
  }
  return lowest;
})()`;

/**
 * Texts of charts that are cut off by their drawing, or lie over another text or over a line: the lines are followed
 * point by point.
 */
export const TEXT_FAULTS = `[...document.querySelectorAll('svg[role=img]')].flatMap((svg) => {
  const outer = svg.getBoundingClientRect();
  const boxes = [...svg.querySelectorAll('text')].map((text) => ({ name: text.textContent, box: text.getBoundingClientRect() }));
  const over = (box, { x, y }) => box.left < x && x < box.right && box.top < y && y < box.bottom;
  const cut = boxes.filter(({ box }) => box.left < outer.left || box.right > outer.right || box.top < outer.top || box.bottom > outer.bottom);
  const overText = boxes.filter((a, i) => boxes.slice(i + 1).some((b) =>
    a.box.left < b.box.right && b.box.left < a.box.right && a.box.top < b.box.bottom && b.box.top < a.box.bottom));
  const points = [...svg.querySelectorAll('path')].flatMap((path) => {
    const matrix = path.getScreenCTM();
    const length = path.getTotalLength();
    return Array.from({ length: Math.ceil(length / 2) + 1 }, (_, step) =>
      path.getPointAtLength(Math.min(step * 2, length)).matrixTransform(matrix));
  });
  const overLine = boxes.filter(({ box }) => points.some((point) => over(box, point)));
  return [...cut.map(({ name }) => name + ' is cut off'), ...overText.map(({ name }) => name + ' is over a text'),
    ...overLine.map(({ name }) => name + ' is over a line')];
})`;

/** Captions of the tables that must be scrolled sideways to be seen whole. */
export const HIDDEN_COLUMNS = `[...document.querySelectorAll('.wide')]
  .filter((box) => box.scrollWidth > box.clientWidth)
  .map((box) => box.getAttribute('aria-label'))`;
