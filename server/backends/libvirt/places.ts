// Where the driver keeps what, below the folder of a sandbox and below the one that all sandboxes share.
import { join } from 'node:path';
import type { DriverContext } from '../../core/backend.ts';

export type Places = {
  /** What the machine is, so that any process finds it again. */
  readonly record: string;
  /** Everything that the guest wrote to its own disk. */
  readonly disk: string;
  readonly seed: string;
  /** Of the ssh server that a vendor's image brings along. */
  readonly hostKey: string;
  readonly console: string;
  /** Empty on the host; the emulator composes the guest's mounts on it, out of everybody else's sight. */
  readonly stage: string;
  readonly stagePlan: string;
  /** The same for the program that serves them over SFTP, where QEMU does not share them. */
  readonly sharePlan: string;
  /** The system calls that QEMU is denied on top of its own filter. */
  readonly stageFilter: string;
  readonly snapshots: string;
  /** A socket, therefore short. */
  readonly port: string;
};

export function placesOf({ state, runtime }: Pick<DriverContext, 'state' | 'runtime'>): Places {
  return {
    record: join(state, 'machine.json'),
    disk: join(state, 'disk.qcow2'),
    seed: join(state, 'seed.iso'),
    hostKey: join(state, 'ssh_host_ed25519_key'),
    console: join(state, 'console.log'),
    stage: join(state, 'stage'),
    stagePlan: join(state, 'stage.json'),
    sharePlan: join(state, 'share.json'),
    stageFilter: join(state, 'stage.filter'),
    snapshots: join(state, 'snapshots'),
    port: join(runtime, 'port'),
  };
}
