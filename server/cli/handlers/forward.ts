// heyvm forward: brings ports of a sandbox to this machine.
import { fail } from '../../core/errors.ts';
import { type Forwarding, forwardPort } from '../../service/forwarding.ts';
import type { Context } from '../command.ts';
import { openGuest } from '../guest.ts';
import { INTERRUPTED } from '../interrupts.ts';

export async function run({ args, out, paths, interrupts }: Context): Promise<number> {
  const wanted = args.rest('ports').map(portsOf);
  const target = args.argument('sandbox');
  const { guest } = await openGuest(paths, target, interrupts.signal);
  const open: Forwarding[] = [];
  try {
    for (const port of wanted) open.push(await forwardPort(guest, port, text => out.warn(text)));
    const shown = open.map(({ guest: inside, host, address }) => ({ guest: inside, host, address }));
    out.result(shown, () =>
      shown.map(port => `${port.address}:${port.host} -> ${target} port ${port.guest}`).join('\n'),
    );
    out.note('until Ctrl-C');
    await aborted(interrupts.signal);
    return INTERRUPTED;
  } finally {
    for (const forwarding of open) forwarding.close();
  }
}

function portsOf(text: string): { guest: number; host?: number } {
  const match = /^(?:(\d{1,5}):)?(\d{1,5})$/.exec(text);
  const host = match?.[1] === undefined ? undefined : Number(match[1]);
  const guest = Number(match?.[2] ?? Number.NaN);
  if (!isPort(guest, 1) || (host !== undefined && !isPort(host, 0))) {
    fail('usage', `${text}: must be a port such as 3000, or host and guest such as 8080:3000`);
  }
  return host === undefined ? { guest } : { guest, host };
}

function isPort(number: number, least: number): boolean {
  return number >= least && number <= 65_535;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(done => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
}
