// Virtual machines through heyvm beside QEMU started by hand. As root it runs itself once more as a user, whose libvirt it needs.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { ciImage, copyCiStore, ensureCiStore } from '../lib/ciImage.ts';
import { attempt } from '../lib/command.ts';
import { makeTestUser, whyNoTestUser } from '../lib/daemons/testUser.ts';
import { root } from '../lib/places.ts';
import { main, Stop } from '../lib/say.ts';
import { bootByHand } from './byHand.ts';
import { type Figure, median, race } from './measure.ts';
import { openStore, type Store } from './store.ts';

const CLONES = 10;

if (import.meta.main) {
  await main(async () => {
    process.stdout.write(`${JSON.stringify(await measure())}\n`);
    return 0;
  });
}

const Figures = z.array(
  z.object({
    name: z.string(),
    value: z.number(),
    unit: z.enum(['x', 'ms', 's', '%']),
    beside: z.string(),
    goal: z.string(),
  }),
);

export async function machineFigures(): Promise<Figure[]> {
  if (process.getuid?.() !== 0) return await measure();
  const why = whyNoTestUser();
  if (why !== undefined) throw new Stop(why);
  const user = makeTestUser();
  try {
    await copyCiStore(await ensureCiStore(), join(user.home, 'cache'), user.uid);
    const done = await attempt(user.as([process.execPath, import.meta.filename]), {
      cwd: root,
      env: user.env,
    });
    if (done.code !== 0) throw new Stop(`machines could not be measured as a user: ${done.stderr.trim()}`);
    return z.parse(Figures, JSON.parse(done.stdout));
  } finally {
    user.end();
  }
}

async function measure(): Promise<Figure[]> {
  const store = await openStore('libvirt');
  try {
    const cold = await coldFigures(store);
    // The first of its kind makes the template, if it was not made before.
    await store.heyvm('create', '--name', 'first');
    await store.heyvm('rm', '--force', '--yes', 'first');
    await untilTemplate(store);
    const warm = await warmMedian(store);
    const clones = await cloneFigures(store, cold.memory);
    const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
    return [
      ...cold.figures,
      {
        name: 'libvirt: warm, from the command to a program in /workspace',
        ...{ value: warm / 1_000, unit: 's', beside: `cold: ${seconds(cold.took)}`, goal: '<= 1.5' },
      },
      {
        name: 'libvirt: warm, times faster than cold',
        ...{ value: cold.took / warm, unit: 'x', beside: `warm: ${seconds(warm)}`, goal: '>= 4' },
      },
      ...clones,
    ];
  } finally {
    await store.end();
  }
}

async function coldFigures(store: Store): Promise<{ figures: Figure[]; took: number; memory: number }> {
  const memories: number[] = [];
  let count = 0;
  const { ours, byHand } = await race(
    {
      ours: async () => {
        count += 1;
        const name = `cold-${count}`;
        const made = await store.heyvm('create', '--cold', '--name', name);
        const ran = await store.heyvm('exec', name, '--', 'true');
        memories.push(...memoryOf(store));
        await store.heyvm('rm', '--force', '--yes', name);
        return made + ran;
      },
      byHand: () => bootByHand(store),
    },
    5,
    1,
  );
  const beside = `QEMU by hand with ${ciImage}: ${(byHand / 1_000).toFixed(1)} s`;
  const figure: Figure = {
    name: 'libvirt: cold, until a program ran',
    ...{ value: ours / byHand, unit: 'x', beside, goal: '<= 1.05' },
  };
  return { figures: [figure], took: ours, memory: median(memories) };
}

async function warmMedian(store: Store): Promise<number> {
  let count = 0;
  const { warm } = await race(
    {
      warm: async () => {
        count += 1;
        const name = `warm-${count}`;
        const made = await store.heyvm('create', '--name', name);
        const ran = await store.heyvm('exec', name, '--', 'sh', '-c', 'test "$PWD" = /workspace');
        await store.heyvm('rm', '--force', '--yes', name);
        return made + ran;
      },
    },
    5,
  );
  return warm;
}

async function cloneFigures(store: Store, coldMemory: number): Promise<Figure[]> {
  const names = Array.from({ length: CLONES }, (_, index) => `clone-${index}`);
  const begun = performance.now();
  await Promise.all(
    names.map(async name => {
      await store.heyvm('create', '--name', name);
      await store.heyvm('exec', name, '--', 'true');
    }),
  );
  const took = performance.now() - begun;
  const memories = memoryOf(store);
  const share = (100 * memories.reduce((sum, size) => sum + size, 0)) / memories.length / coldMemory;
  await Promise.all(names.map(name => store.heyvm('rm', '--force', '--yes', name)));
  const beside = `${CLONES} of them; cold: ${coldMemory.toFixed(0)} MB`;
  return [
    { name: `libvirt: ${CLONES} clones at once`, value: took / 1_000, unit: 's', beside: '', goal: '< 15' },
    { name: 'libvirt: proportional memory of an idle clone', value: share, unit: '%', beside, goal: '<= 40' },
  ];
}

/** A template may be made after its first user has started. */
async function untilTemplate(store: Store): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (Date.now() < deadline) {
    const took = await store.heyvm('create', '--name', 'probe');
    await store.heyvm('rm', '--force', '--yes', 'probe');
    if (took < 3_000) return;
  }
}

/** Megabytes of each QEMU of this store, what is shared divided among those who share it. */
function memoryOf({ paths }: Store): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(pid => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        if (!words.includes('guest=heyvm-') || !words.includes(paths.home)) return [];
        const kilobytes = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
        return kilobytes === undefined ? [] : [Number(kilobytes) / 1024];
      } catch {
        // It ended while it was looked at.
        return [];
      }
    });
}
