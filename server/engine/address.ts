// Where an engine is, as DOCKER_HOST, contexts and options say it.
import { fail } from '../core/errors.ts';

export type Address =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls?: Tls | undefined }
  | {
      readonly kind: 'ssh';
      readonly host: string;
      readonly user?: string | undefined;
      readonly port?: number | undefined;
    };

/** Files in PEM form; `verify` says whether the engine has to prove that it is the one that was named. */
export type Tls = {
  readonly folder: string;
  readonly verify: boolean;
};

/** Fails with `usage` for what is no address, and with `unsupported` for what this platform does not have. */
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
      return ssh(text, rest);
    case 'npipe':
      return fail('unsupported', `${text} is a pipe of Windows, which this platform does not have`);
    default:
      return text.startsWith('/') ? { kind: 'unix', path: text } : refuse(text);
  }
}

/** The way back; what it gives is parsed to the same address. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix://${address.path}`;
  if (address.kind === 'ssh') {
    const { user, host, port } = address;
    const before = user === undefined ? '' : `${user}@`;
    return `ssh://${before}${bracketed(host)}${port === undefined ? '' : `:${port}`}`;
  }
  return `${address.tls?.folder === '' ? 'https' : 'tcp'}://${bracketed(address.host)}:${address.port}`;
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function tcp(text: string, rest: string, tls: Tls | undefined): Address {
  const match = /^(\[[0-9a-fA-F:]+\]|[^:/[\]]*)(?::(\d{1,5}))?\/?$/.exec(rest);
  const port = Number(match?.[2] ?? (tls === undefined ? 2375 : 2376));
  if (match === null || port < 1 || port > 65_535) return refuse(text);
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '');
  return { kind: 'tcp', host: host === '' ? '127.0.0.1' : host, port, ...(tls === undefined ? {} : { tls }) };
}

/** What ssh's own configuration says about the host holds as well, so that a name may be an alias. */
function ssh(text: string, rest: string): Address {
  const match =
    /^(?:([A-Za-z0-9_][A-Za-z0-9_.-]*)@)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9_][A-Za-z0-9_.-]*)(?::(\d{1,5}))?\/?$/.exec(
      rest,
    );
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  const user = match?.[1];
  if (match === null || (port !== undefined && (port < 1 || port > 65_535))) return refuse(text);
  return {
    kind: 'ssh',
    host: (match[2] ?? '').replace(/^\[|\]$/g, ''),
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port }),
  };
}

function refuse(text: string): never {
  return fail('usage', `${text} is not the address of an engine`, {
    hint: 'use unix:///path/to/docker.sock or tcp://host:port or ssh://user@host',
  });
}
