// What has become of a machine, in words of ours; asked from libvirt each time. And its end by force.
import { fail } from '../../core/errors.ts';
import { type Domain, domainStates, type Libvirt, offFor, pausedFor, saidBy } from './virsh.ts';

export type Condition =
  | { readonly kind: 'running' }
  | { readonly kind: 'paused' }
  /** QEMU stopped it because the host has no room for what it writes. */
  | { readonly kind: 'full'; readonly why: string }
  | { readonly kind: 'off'; readonly why: string; readonly saved: boolean }
  /** libvirt knows no such domain. */
  | { readonly kind: 'unknown' };

export async function conditionOf(libvirt: Libvirt, name: string): Promise<Condition> {
  const domain = (await libvirt.domains()).find(known => known.name === name);
  return domain === undefined ? { kind: 'unknown' } : readCondition(domain);
}

/** One that is off already stays so; fails when it goes on. */
export async function forceOff(libvirt: Libvirt, name: string): Promise<void> {
  const answer = await libvirt.attempt(['destroy', name]);
  if (answer.code === 0) return;
  const { kind } = await conditionOf(libvirt, name);
  if (kind === 'off' || kind === 'unknown') return;
  fail('command-failed', `libvirt at ${libvirt.uri} cannot force the machine ${name} off: ${saidBy(answer)}`);
}

export function readCondition({ state, reason }: Domain): Condition {
  switch (state) {
    case domainStates.running:
    case domainStates.blocked:
    case domainStates.ending:
      return { kind: 'running' };
    case domainStates.paused:
      return reason === pausedFor.inputOutput ? { kind: 'full', why: NO_ROOM } : { kind: 'paused' };
    default:
      return {
        kind: 'off',
        why: offReasons[reason] ?? 'libvirt does not say why',
        saved: reason === offFor.saved,
      };
  }
}

const NO_ROOM = 'its disk could not grow, because the disk that it lies on is full';

const offReasons: Readonly<Record<number, string>> = {
  [offFor.shutdown]: 'it was shut down from inside',
  [offFor.destroyed]: 'it was forced off from outside',
  [offFor.crashed]: 'QEMU crashed or was killed',
  [offFor.saved]: 'it was saved to disk',
  [offFor.failed]: 'QEMU could not be started',
  [offFor.daemon]: 'libvirt lost sight of it',
};
