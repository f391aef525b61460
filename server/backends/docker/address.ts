// Where an engine is, as DOCKER_HOST, contexts and options say it.
import { fail } from '../../core/errors.ts';

export type Address =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls?: Tls | undefined };

/** Files in PEM form; `verify` says whether the engine has to prove that it is the one that was named. */
export type Tls = {
  readonly folder: string;
  readonly verify: boolean;
};

/** Fails with `usage` for what is no address, and with `unsupported` for a kind that cannot share files. */
export function parseAddress(text: string, tls?: Tls): Address {
  const url = /^([a-z+]+):\/\/(.*)$/.exec(text);
  const [scheme, rest] = [url?.[1] ?? '', url?.[2] ?? ''];
  switch (scheme) {
    case 'unix':
      return rest.startsWith('/') ? { kind: 'unix', path: rest } : refuse(text);
    case 'tcp':
    case 'http':
    case 'https':
      return tcp(text, rest, scheme === 'https' ? (tls ?? { folder: '', verify: true }) : tls);
    case 'ssh':
      return fail(
        'unsupported',
        `${text} leads to another machine, whose engine cannot see the files of this one`,
        {
          hint: 'run heyvm on that machine, or choose an engine of this one with --connect unix:///var/run/docker.sock',
        },
      );
    case 'npipe':
      return fail('unsupported', `${text} is a pipe of Windows, which this platform does not have`);
    default:
      return text.startsWith('/') ? { kind: 'unix', path: text } : refuse(text);
  }
}

/** The way back; what it gives is parsed to the same address. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix://${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${address.tls?.folder === '' ? 'https' : 'tcp'}://${host}:${address.port}`;
}

function tcp(text: string, rest: string, tls: Tls | undefined): Address {
  const match = /^(\[[0-9a-fA-F:]+\]|[^:/[\]]*)(?::(\d{1,5}))?\/?$/.exec(rest);
  const port = Number(match?.[2] ?? (tls === undefined ? 2375 : 2376));
  if (match === null || port < 1 || port > 65_535) return refuse(text);
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '');
  return { kind: 'tcp', host: host === '' ? '127.0.0.1' : host, port, ...(tls === undefined ? {} : { tls }) };
}

function refuse(text: string): never {
  return fail('usage', `${text} is not the address of an engine`, {
    hint: 'use unix:///path/to/docker.sock or tcp://host:port',
  });
}
