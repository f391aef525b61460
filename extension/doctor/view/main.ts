// The doctor's page, inside its frame: shows the last message, and tells what was clicked.
import * as z from 'zod/mini';
import { parse } from '../../../server/protocol/parse.ts';
import { Page, type Said } from './message.ts';
import { render } from './render.ts';

declare function acquireVsCodeApi(): { postMessage(message: unknown): void };

// The page forbids code that is made from text, and checking needs none.
z.config({ jitless: true });
const editor = acquireVsCodeApi();
const say = (said: Said): void => editor.postMessage(said);

window.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
  const parsed = parse(Page, data);
  if (parsed.ok) render(parsed.value, say);
});
say({ kind: 'ready' });
