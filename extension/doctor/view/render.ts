// Makes the page from one message. Everything in a message is text, whatever it looks like.
import type { Page, Row, Said } from './message.ts';
import { pictureOf } from './pictures.ts';

type Say = (said: Said) => void;

const states: Readonly<Record<Row['state'], string>> = {
  ok: 'In order',
  warning: 'Needs attention',
  error: 'Broken',
  absent: 'Not available',
};

/** The button that had the focus has it again, so that keyboards and screen readers stay where they are. */
export function render(page: Page, say: Say): void {
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.id : '';
  tell(page);
  byId('look').onclick = () => say({ kind: 'look' });
  byId('sections').replaceChildren(...page.sections.map((section, index) => sectionOf(section, index, say)));
  if (focused !== '') document.getElementById(focused)?.focus();
}

/** The status is announced only when it says something else. */
function tell({ looking, summary }: Page): void {
  const status = byId('status');
  const text = looking === undefined ? summary : 'Looking at this machine…';
  if (status.textContent !== text) status.textContent = text;
  byId('progress').hidden = looking === undefined;
  byId('sections').setAttribute('aria-busy', String(looking !== undefined));
  byId('now').hidden = looking === undefined;
  byId('now').textContent = looking ?? '';
}

function sectionOf({ title, rows }: Page['sections'][number], index: number, say: Say): HTMLElement {
  const heading = element('h2', { id: `section-${index}` }, title);
  const list = element('ul', { class: 'rows' }, ...rows.map(row => rowOf(row, say)));
  return element('section', { 'aria-labelledby': heading.id }, heading, list);
}

function rowOf(row: Row, say: Say): HTMLElement {
  const badges = row.badges.map(badge => element('span', { class: 'badge' }, badge));
  const state = element('span', { class: 'state' }, states[row.state]);
  const body = [
    element('h3', {}, row.title),
    element('p', { class: 'words' }, state, ...badges),
    element('p', {}, row.detail),
    ...notesOf(row),
    ...fixOf(row),
    ...buttonsOf(row, say),
  ];
  return element('li', { class: row.state }, pictureOf(row.state), element('div', {}, ...body));
}

function notesOf({ notes }: Row): HTMLElement[] {
  return notes.length === 0 ? [] : [element('ul', {}, ...notes.map(note => element('li', {}, note)))];
}

function fixOf({ fix }: Row): HTMLElement[] {
  if (fix === undefined) return [];
  const text = fix.kind === 'code' ? element('code', {}, fix.text) : fix.text;
  return [element('p', { class: 'fix' }, text)];
}

/** Each is named after its row as well, for who hears it alone. */
function buttonsOf({ id, title, fix, mends }: Row, say: Say): HTMLElement[] {
  const buttons = mends.map(mend =>
    button(
      { id: `mend_${id}_${mend.id}`, label: mend.label, spoken: `${mend.label}: ${title}`, kind: 'mend' },
      () => say({ kind: 'mend', row: id, mend: mend.id }),
    ),
  );
  if (fix?.kind === 'code') {
    const spoken = `Copy what mends ${title}`;
    buttons.push(
      button({ id: `copy_${id}`, label: 'Copy', spoken, kind: 'copy' }, () => say({ kind: 'copy', row: id })),
    );
  }
  return buttons.length === 0 ? [] : [element('div', { class: 'buttons' }, ...buttons)];
}

type Face = {
  readonly id: string;
  readonly label: string;
  readonly spoken: string;
  readonly kind: 'mend' | 'copy';
};

function button({ id, label, spoken, kind }: Face, act: () => void): HTMLElement {
  const made = element('button', { id, type: 'button', class: kind, 'aria-label': spoken }, label);
  made.addEventListener('click', act);
  return made;
}

function element(
  name: string,
  attributes: Readonly<Record<string, string>>,
  ...children: readonly (Node | string)[]
): HTMLElement {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}
