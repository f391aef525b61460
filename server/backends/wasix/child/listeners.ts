// Which ports the programs of the guest listen on: the runtime opens them through this process's own servers.
import { type AddressInfo, Server } from 'node:net';
import type { ListeningPort } from '../../../core/guest.ts';

/** From now on; servers on sockets of files are ours. */
export function listeners(): { open(): readonly ListeningPort[] } {
  const servers = new Set<Server>();
  const listen = Server.prototype.listen;
  Server.prototype.listen = function (this: Server, ...args: Parameters<typeof listen>): Server {
    servers.add(this);
    this.once('close', () => servers.delete(this));
    return listen.apply(this, args);
  } as typeof listen;
  return {
    open: () =>
      [...servers].flatMap(server => {
        const at = server.address();
        return isPort(at) ? [{ port: at.port, address: at.address }] : [];
      }),
  };
}

function isPort(at: string | AddressInfo | null): at is AddressInfo {
  return typeof at === 'object' && at !== null;
}
