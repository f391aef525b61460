// The picture before each row; its shape says the same as its colour, and the words beside it say it to everybody.
import type { Row } from './message.ts';

const SVG = 'http://www.w3.org/2000/svg';

/** Drawn with strokes in a square of 16. */
const shapes: Readonly<Record<Row['state'], string>> = {
  ok: 'M2.5 8.5 6 12l7.5-8',
  warning: 'M8 2 14.5 13.5h-13ZM8 6.5v3.5M8 11.6v.4',
  error: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM5.5 5.5l5 5M10.5 5.5l-5 5',
  absent: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM4.5 8h7',
};

export function pictureOf(state: Row['state']): SVGElement {
  const picture = document.createElementNS(SVG, 'svg');
  picture.setAttribute('viewBox', '0 0 16 16');
  picture.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', shapes[state]);
  picture.append(path);
  return picture;
}
