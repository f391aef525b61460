// Reaches an engine of another machine with the person's own ssh, as the docker command does.
import type { Duplex } from 'node:stream';
import { overSsh } from '../platform/overSsh.ts';
import type { Address } from './address.ts';
import { engineProgram } from './program.ts';

export type SshAddress = Extract<Address, { kind: 'ssh' }>;

/** dockerode's own client accepts every host key. */
export function engineOverSsh(address: SshAddress): Duplex {
  return overSsh(sshWords(address));
}

/** Nobody can answer a question here, so that ssh fails instead of asking one. */
function sshWords({ user, host, port }: SshAddress): [string, ...string[]] {
  return [
    ...(['ssh', '-T', '-o', 'BatchMode=yes'] as const),
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...['--', host, engineProgram, 'system', 'dial-stdio'],
  ];
}
