// Work of an engine that reports as it goes: lines of JSON, in which the failure is told as well.
import * as z from 'zod/mini';
import { SandboxError } from '../core/errors.ts';
import { parseJson } from '../protocol/parse.ts';

const Line = z.looseObject({
  status: z.optional(z.string()),
  id: z.optional(z.string()),
  stream: z.optional(z.string()),
  error: z.optional(z.string()),
  /** Other builders put other things here. */
  aux: z.catch(z.optional(z.looseObject({ ID: z.optional(z.string()) })), undefined),
  progressDetail: z.optional(
    z.looseObject({ current: z.optional(z.number()), total: z.optional(z.number()) }),
  ),
});
export type Line = z.output<typeof Line>;

/**
 * Follows to the end; a failure is told only in the stream, after a status that says all is well. dockerode's
 * followProgress throws out of an event at what is no JSON, drops a last line without an end, and takes what was cut
 * off for finished.
 */
export async function follow(stream: NodeJS.ReadableStream, report: (line: Line) => void): Promise<void> {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
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
  if (parsed.value.error !== undefined) throw new SandboxError('command-failed', parsed.value.error);
  report(parsed.value);
}
