// Whether QEMU can use the processor's own virtualization here: asked by letting it execute something with it.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import type { MachineContext } from '../../core/backend.ts';
import { ensureFolder, isAbsence, readTextIfExists, writeAtomic } from '../../platform/files.ts';
import { identifySelf } from '../../platform/process.ts';
import { parseJson } from '../../protocol/parse.ts';

export type KvmAnswer = { readonly kind: 'works' } | { readonly kind: 'refused'; readonly why: string };

/** Remembered until the machine boots again or QEMU changes. */
export async function askKvm(context: MachineContext, qemu: string): Promise<KvmAnswer> {
  const key = await keyOf(qemu);
  const file = join(context.cache, 'kvm.json');
  const known = await readTextIfExists(file);
  const parsed = known === undefined ? undefined : parseJson(Known, known);
  if (parsed?.ok === true && parsed.value.key === key) return parsed.value.answer;
  const answer = await tryKvm(context, qemu);
  await writeAtomic(file, `${JSON.stringify({ key, answer })}\n`, { durability: 'quick' });
  return answer;
}

const Known = z.object({
  key: z.string(),
  answer: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('works') }),
    z.object({ kind: z.literal('refused'), why: z.string() }),
  ]),
});

const DEVICE = '/dev/kvm';

/** Who may open the device can change at any time, so it is part of the question. */
async function keyOf(qemu: string): Promise<string> {
  const ages = await Promise.all(
    [qemu, DEVICE].map(async path => {
      try {
        const { mtimeMs, mode, gid } = await stat(path);
        return `${mtimeMs}-${mode}-${gid}`;
      } catch (error) {
        if (isAbsence(error)) return 'absent';
        throw error;
      }
    }),
  );
  const groups = process.getgroups?.().join(',') ?? '';
  return [identifySelf().boot_id, process.getuid?.() ?? 0, groups, ...ages].join(' ');
}

/** Writes one byte to a port that ends QEMU, and is never reached where the processor executes nothing. */
const bootSector = Buffer.alloc(512);
bootSector.set([0xb0, 0x10, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd]);
bootSector.set([0x55, 0xaa], 510);
const EXIT_CODE = 0x21;
/** Real hardware takes a tenth of a second; what takes longer than this is slower than doing without. */
const PATIENCE_MS = 4_000;

async function tryKvm({ run, signal, cache, agent }: MachineContext, qemu: string): Promise<KvmAnswer> {
  await ensureFolder(cache);
  const sector = join(cache, 'boot-sector.raw');
  await writeAtomic(sector, bootSector, { durability: 'quick' });
  const argv = [
    // The program ends itself with a dump where the kernel refuses; nobody needs that file.
    ...[agent, 'launch', '--rlimit', 'CORE=1', '--', qemu],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'pc,accel=kvm', '-cpu', 'host'],
    ...['-m', '64', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
    ...['-drive', `file=${sector.replaceAll(',', ',,')},format=raw,if=ide,readonly=off,snapshot=on`],
  ] as const;
  try {
    const { code, stderr } = await run([...argv], {
      signal,
      cwd: '/',
      timeoutMs: PATIENCE_MS,
      accept: 'any',
    });
    if (code === EXIT_CODE) return { kind: 'works' };
    return { kind: 'refused', why: reasonIn(stderr) ?? `QEMU ended with status ${code}` };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'refused', why: error instanceof Error ? error.message : String(error) };
  }
}

function reasonIn(stderr: string): string | undefined {
  const [first] = stderr.split('\n').filter(line => line.trim() !== '' && !line.includes('warning:'));
  return first?.replace(/^qemu-system-\S+:\s*/, '').trim();
}
