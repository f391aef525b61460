// The methods that bring ports of a sandbox to this machine, as part of the contract between a surface and the service.
import * as z from 'zod/mini';
import type { MethodSpec } from './contract.ts';

const PortNumber = z.int().check(z.minimum(1), z.maximum(65_535));
const Port = z.object({ sandbox: z.string().check(z.minLength(1)), port: PortNumber });

export const forwardMethods = {
  'forward/open': () => ({
    about:
      'Offers a port of the guest on 127.0.0.1 until it is closed or the helper ends; the sandbox may restart meanwhile.',
    params: z.extend(Port, {
      /** Wanted on this machine; the number inside when left out. The next free one is taken. */
      near: z.optional(PortNumber),
    }),
    result: z.object({ port: z.int(), host: z.int() }),
  }),
  'forward/close': () => ({
    about: 'Ends a forward and its connections; one that is not open is no error.',
    params: Port,
    result: z.object({}),
  }),
} as const satisfies Readonly<Record<string, () => MethodSpec>>;
