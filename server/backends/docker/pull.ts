// Work of an engine that reports as it goes: lines of JSON, from which progress and the failure are read.
import type { IncomingMessage } from 'node:http';
import * as z from 'zod/mini';
import { fail, SandboxError } from '../../core/errors.ts';
import type { Progress } from '../../protocol/contract.ts';
import { parseJson } from '../../protocol/parse.ts';

const Line = z.looseObject({
  status: z.optional(z.string()),
  id: z.optional(z.string()),
  error: z.optional(z.string()),
  progressDetail: z.optional(
    z.looseObject({ current: z.optional(z.number()), total: z.optional(z.number()) }),
  ),
});
type Line = z.output<typeof Line>;

/** Follows to the end; a failure is told only in the stream, after a status that says all is well. */
export async function follow(response: IncomingMessage, report: (line: Line) => void): Promise<void> {
  let rest = '';
  response.setEncoding('utf8');
  for await (const chunk of response) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line, report);
  }
  take(rest, report);
}

function take(text: string, report: (line: Line) => void): void {
  if (text.trim() === '') return;
  const parsed = parseJson(Line, text);
  if (!parsed.ok)
    throw new SandboxError('version-mismatch', `the engine reports in an unknown way: ${parsed.problem}`);
  if (parsed.value.error !== undefined) fail('command-failed', parsed.value.error);
  report(parsed.value);
}

/** The layers of a pull as one number, which only grows: a layer is fetched first and unpacked then. */
export function pullProgress(name: string, tell: (progress: Progress) => void): (line: Line) => void {
  const layers = new Map<string, { done: number; total: number }>();
  let shown = -1;
  return ({ id, status = '', progressDetail }) => {
    if (id === undefined || !phases.has(status)) return;
    const { current = 0, total = 0 } = progressDetail ?? {};
    const known = layers.get(id);
    const size = Math.max(total, known?.total ?? 0);
    const share =
      status === 'Downloading' ? current / 2 : status === 'Extracting' ? (size + current) / 2 : size;
    layers.set(id, {
      done: Math.max(known?.done ?? 0, status === 'Download complete' ? size / 2 : share),
      total: size,
    });
    const all = [...layers.values()];
    const sum = all.reduce((bytes, layer) => bytes + layer.total, 0);
    const percent =
      sum === 0 ? 0 : Math.floor((all.reduce((bytes, layer) => bytes + layer.done, 0) * 100) / sum);
    if (percent === shown) return;
    shown = percent;
    tell({ phase: 'fetching image', detail: `${name}, ${layers.size} layers`, percent });
  };
}

const phases: ReadonlySet<string> = new Set([
  'Pulling fs layer',
  'Downloading',
  'Download complete',
  'Extracting',
  'Pull complete',
]);
