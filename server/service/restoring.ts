// The part of a restore that may be repeated: it puts the disk back, and every later start finishes it first.
import { fail } from '../core/errors.ts';
import type { SandboxRecord } from '../store/records.ts';
import { updateRecord } from '../store/sandboxes.ts';
import type { BaseDeps, CallContext } from './deps.ts';
import { sandboxContext } from './machine.ts';
import { requireAbility, snapshotting } from './unsupported.ts';

/** The caller holds the sandbox's lock, and no guest runs. */
export async function finishRestore(
  deps: BaseDeps,
  record: SandboxRecord,
  context: CallContext,
): Promise<void> {
  if (record.restoring === undefined) return;
  const backend = requireAbility(record, snapshotting);
  const { ref } = requireSnapshot(record, record.restoring);
  context.progress({ phase: 'restoring', detail: record.restoring });
  const { snapshots } = await backend.load();
  if (snapshots === undefined)
    fail('internal', `${record.backend_type} has snapshots and no way to restore one`);
  const { signal, progress } = context;
  const own = { ...sandboxContext(deps, backend, { record, signal }), progress };
  const restored = await snapshots.restore(own, record.ref ?? {}, ref);
  await updateRecord(deps.paths, record.id, ({ restoring: _, suspended: __, ...known }) => ({
    ...known,
    ref: { ...restored },
  }));
}

export function requireSnapshot(
  { name, snapshots = [] }: SandboxRecord,
  wanted: string,
): NonNullable<SandboxRecord['snapshots']>[number] {
  const found = snapshots.find(snapshot => snapshot.name === wanted);
  if (found !== undefined) return found;
  const names = snapshots.map(snapshot => snapshot.name);
  return fail('snapshot-not-found', `sandbox ${name} has no snapshot ${JSON.stringify(wanted)}`, {
    hint: names.length === 0 ? `heyvm snapshot ${name} takes one` : `it has: ${names.join(', ')}`,
  });
}
