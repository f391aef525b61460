// Long outputs are answered in part, and kept for a while so that an agent can read on in them.
import { fail } from '../core/errors.ts';
import { redact } from '../core/redact.ts';
import type { SaidText } from '../protocol/agentTools.ts';

/** What one answer holds of one output, half of it from its beginning and half from its end. */
const SHOWN_BYTES = 16 * 1024;
/** What is kept of all outputs together; the oldest go first. */
const KEPT_BYTES = 32 * 1024 * 1024;

export type Part = {
  readonly text: string;
  readonly offset: number;
  readonly bytes: number;
  readonly end: boolean;
};

export type Outputs = {
  /** `dropped` bytes more had been said than are in `text`. */
  show(text: string, dropped?: number): SaidText;
  /** Fails with `path-not-found` when it is kept no longer. */
  read(handle: string, offset: number, bytes: number): Part;
};

export function createOutputs(): Outputs {
  const kept = new Map<string, Buffer>();
  let size = 0;
  let last = 0;
  const keep = (bytes: Buffer): string => {
    last += 1;
    const handle = `output-${last}`;
    kept.set(handle, bytes);
    size += bytes.length;
    for (const [old, { length }] of kept) {
      if (size <= KEPT_BYTES || old === handle) break;
      kept.delete(old);
      size -= length;
    }
    return handle;
  };
  return {
    show(text, dropped = 0) {
      const { text: clean, count } = redact(text);
      const bytes = Buffer.from(clean);
      const total = bytes.length + dropped;
      if (total <= SHOWN_BYTES) return { text: clean, bytes: total, redacted: count };
      const handle = keep(bytes);
      return { text: middleCut(bytes, { handle, dropped }), bytes: total, handle, redacted: count };
    },
    read(handle, offset, bytes) {
      const whole = kept.get(handle);
      if (whole === undefined) {
        return fail('path-not-found', `there is no output ${JSON.stringify(handle)} any more`, {
          hint: 'run the program again, and read on soon after',
        });
      }
      const part = between(whole, offset, offset + bytes);
      const next = Math.min(offset, whole.length) + part.length;
      return { text: part.toString(), offset, bytes: part.length, end: next >= whole.length };
    },
  };
}

function middleCut(bytes: Buffer, { handle, dropped }: { handle: string; dropped: number }): string {
  const half = SHOWN_BYTES / 2;
  const [head, tail] = [between(bytes, 0, half), between(bytes, bytes.length - half, bytes.length)];
  const left = bytes.length - head.length - tail.length;
  const lost = dropped === 0 ? '' : `, and ${dropped} bytes more were not kept`;
  return `${head}\n[${left} bytes left out here; read_output with ${handle} has them${lost}]\n${tail}`;
}

/** Whole characters only: one that is cut in half belongs to neither side. */
export function between(bytes: Buffer, from: number, to: number): Buffer {
  const isInside = (at: number): boolean => at < bytes.length && ((bytes[at] ?? 0) & 0xc0) === 0x80;
  let [start, end] = [Math.min(from, bytes.length), Math.min(to, bytes.length)];
  while (isInside(start)) start += 1;
  while (end > start && isInside(end)) end -= 1;
  return bytes.subarray(start, end);
}
