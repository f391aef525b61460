// Boots an image once in a machine of its own and waits for the guest program, so that a broken one is found here.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fail } from '../../core/errors.ts';
import { allowedEnvironment } from '../../platform/environment.ts';
import { readTextIfExists } from '../../platform/files.ts';
import { spawnChild } from '../../platform/spawn.ts';
import type { ImageFile, ImageManifest } from '../../protocol/image.ts';
import type { ImageCall, ImageDeps } from '../deps.ts';
import { blobPath } from '../layout.ts';
import { withScratch } from './scratch.ts';

/** What the guest program prints when programs can be run. */
const READY = 'heyvm-guest ready';
/** Without virtualization of the hardware a boot takes seconds; a machine that is busy takes many of them. */
const PATIENCE_MS = 180_000;
const TOLD_LINES = 15;

/** `image` has its disk form. A machine that has no QEMU cannot check, and says so. */
export async function checkBoot(
  deps: ImageDeps,
  image: ImageManifest,
  call: ImageCall,
): Promise<'booted' | 'not checked'> {
  if (!(await hasMachine(deps, call))) {
    call.progress({ phase: 'not booted', detail: 'qemu-system-x86_64 is not installed' });
    return 'not checked';
  }
  call.progress({ phase: 'booting the image once' });
  await withScratch(deps.paths, 'boot', async folder => {
    const consoleFile = join(folder, 'console');
    const ended = await boot(argvFor(deps, image, consoleFile), { folder, consoleFile, signal: call.signal });
    if (ended.kind === 'ready') return;
    call.signal.throwIfAborted();
    const lines = (await readTextIfExists(consoleFile)) ?? '';
    refuse(image, ended.why, lines);
  });
  return 'booted';
}

async function hasMachine({ run }: ImageDeps, { signal }: ImageCall): Promise<boolean> {
  try {
    return (await run(['qemu-system-x86_64', '--version'], { signal, accept: 'any' })).code === 0;
  } catch {
    signal.throwIfAborted();
    // It is not installed.
    return false;
  }
}

/** Without acceleration, which works everywhere; nothing that the guest writes reaches the image. */
function argvFor(deps: ImageDeps, image: ImageManifest, consoleFile: string): [string, ...string[]] {
  const at = (role: ImageFile['role']): string => {
    const file = image.files.find(candidate => candidate.role === role);
    if (file === undefined) return fail('internal', `the image ${image.name} has no ${role}`);
    return blobPath(deps.paths, file.digest);
  };
  return [
    'qemu-system-x86_64',
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-machine', 'q35', '-accel', 'tcg,tb-size=128', '-cpu', 'max', '-smp', '1', '-m', '512'],
    ...['-chardev', `file,id=console,path=${escaped(consoleFile)}`, '-serial', 'chardev:console'],
    ...['-kernel', at('kernel'), '-initrd', at('initrd')],
    ...['-append', 'console=ttyS0 quiet panic=-1 heyvm.root=/dev/vda'],
    ...['-drive', `file=${escaped(at('disk'))},if=none,id=root,format=qcow2,snapshot=on`],
    ...['-device', 'virtio-blk-pci,drive=root', '-device', 'virtio-serial-pci', '-chardev', 'null,id=port'],
    ...['-device', 'virtserialport,chardev=port,name=heyvm.0'],
  ];
}

/** Commas separate the options of QEMU, and are doubled in values. */
function escaped(path: string): string {
  return path.replaceAll(',', ',,');
}

type Ended = { readonly kind: 'ready' } | { readonly kind: 'failed'; readonly why: string };
type Watching = { readonly folder: string; readonly consoleFile: string; readonly signal: AbortSignal };

async function boot(argv: [string, ...string[]], { folder, consoleFile, signal }: Watching): Promise<Ended> {
  const machine = spawnChild(argv, {
    cwd: folder,
    env: { ...allowedEnvironment(process.env), TMPDIR: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
    group: 'own',
  });
  let said = '';
  machine.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2_000);
  });
  const { promise, resolve } = Promise.withResolvers<Ended>();
  const gone = new Promise<void>(done => {
    machine.once('close', () => done());
    machine.once('error', () => done());
  });
  void gone.then(() => resolve({ kind: 'failed', why: said.trim() === '' ? 'it ended' : said.trim() }));
  const look = setInterval(() => {
    void readFile(consoleFile, 'utf8').then(
      text => text.includes(READY) && resolve({ kind: 'ready' }),
      () => {
        // The machine has not made the file yet.
      },
    );
  }, 100);
  const late = setTimeout(
    () => resolve({ kind: 'failed', why: `it was not ready after ${PATIENCE_MS / 1000} seconds` }),
    PATIENCE_MS,
  );
  const onAbort = (): void => resolve({ kind: 'failed', why: 'it was interrupted' });
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } finally {
    clearInterval(look);
    clearTimeout(late);
    signal.removeEventListener('abort', onAbort);
    machine.kill('SIGKILL');
    await gone;
  }
}

/** What a kernel adds to its last words, which says nothing to whoever made the image. */
const traces =
  /\+0x[0-9a-f]+\/0x|<\/?TASK>|Call Trace:| (CPU|Hardware name|Kernel Offset|Code|R[A-Z0-9]{2}): /;

function refuse(image: ImageManifest, why: string, text: string): never {
  const lines = text
    .replaceAll('\r', '')
    .split('\n')
    .filter(line => line.trim() !== '' && !traces.test(line))
    .slice(-TOLD_LINES);
  const told =
    lines.length === 0 ? 'its console stayed empty' : `the last lines of its console:\n${lines.join('\n')}`;
  return fail('image-broken', `the image ${image.name} does not boot: ${why}`, {
    hint: told,
    data: { image: image.name, console: lines },
  });
}
