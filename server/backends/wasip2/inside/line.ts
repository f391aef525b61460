// The line between this process and its owner: orders come first, answers go back, and when it closes this process ends.
import { readSync, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type * as z from 'zod/mini';
import { parseJson } from '../../../protocol/parse.ts';
import { type Answer, LINE, type Watched } from './orders.ts';

export function takeOrders<T extends { readonly watch: Watched }>(schema: z.ZodMiniType<T>): T {
  const orders = parseJson(schema, readFirstLine());
  if (!orders.ok) throw new Error(`the orders are not understood: ${orders.problem}`);
  if (orders.value.watch === 'line') endWithOwner();
  return orders.value;
}

export function answer(message: Answer): void {
  writeSync(LINE, `${JSON.stringify(message)}\n`);
}

function readFirstLine(): string {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.alloc(65_536);
    const count = readSync(LINE, chunk);
    // Whoever had orders is gone.
    if (count === 0) process.exit(1);
    chunks.push(chunk.subarray(0, count));
    if (chunk[count - 1] === NEWLINE) return Buffer.concat(chunks).toString('utf8');
  }
}

const NEWLINE = 10;

/** A program that computes looks at nothing, so that another thread has to. */
function endWithOwner(): void {
  new Worker(watching, { eval: true }).unref();
}

const watching = `
const line = new (require('node:net').Socket)({ fd: ${LINE}, readable: true, writable: false });
line.on('error', () => {}).on('close', () => process.kill(process.pid, 'SIGKILL')).resume();
`;
