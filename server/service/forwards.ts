// The methods that keep forwards open in this process; each connection finds the sandbox's owner anew.
import type { Guest } from '../core/guest.ts';
import type { Handlers } from '../protocol/contract.ts';
import type { HelperContract } from '../protocol/helper.ts';
import type { CallContext, ServiceDeps } from './deps.ts';
import { type Forwarding, forwardPort } from './forwarding.ts';

type Methods = Extract<keyof HelperContract, `forward/${string}`>;

export function forwardHandlers({
  sandboxes,
}: ServiceDeps): Pick<Handlers<HelperContract, CallContext>, Methods> {
  const open = new Map<string, Promise<Forwarding>>();
  const keyOf = (id: string, port: number): string => `${id} ${port}`;
  const close = async (key: string): Promise<void> => {
    const known = open.get(key);
    open.delete(key);
    (await known?.catch(() => undefined))?.close();
  };
  const begin = (id: string, port: number, near: number | undefined): Promise<Forwarding> => {
    const dial = async (target: Parameters<Guest['dial']>[0]) => {
      const { connectOwner } = await import('../owner/connect.ts');
      return await connectOwner(await sandboxes.find(id)).guest.dial(target);
    };
    // A connection that cannot be made is closed, which says enough to whoever opened it.
    return forwardPort({ dial }, { guest: port, ...(near === undefined ? {} : { near }) }, () => {});
  };
  return {
    'forward/open': async ({ sandbox, port, near }) => {
      const { record } = await sandboxes.find(sandbox);
      const key = keyOf(record.id, port);
      const forwarding = open.get(key) ?? begin(record.id, port, near);
      open.set(key, forwarding);
      try {
        const { host } = await forwarding;
        return { port, host };
      } catch (error) {
        open.delete(key);
        throw error;
      }
    },
    'forward/close': async ({ sandbox, port }) => {
      // Its sandbox may be gone already, and then it is known by its id alone.
      const id = await sandboxes.find(sandbox).then(
        ({ record }) => record.id,
        () => sandbox,
      );
      await close(keyOf(id, port));
      return {};
    },
  };
}
