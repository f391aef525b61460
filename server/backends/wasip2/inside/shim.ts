// The parts of jco's shim that are used here, by what they do; its own types forbid to build upon them.
import * as shim from '@bytecodealliance/preview2-shim';

export type Pollable = object;

export type InputStream = {
  read(length: bigint): Uint8Array;
  blockingRead(length: bigint): Uint8Array;
  skip(length: bigint): bigint;
  blockingSkip(length: bigint): bigint;
  subscribe(): Pollable;
  [Symbol.dispose](): void;
};

export type OutputStream = {
  checkWrite(): bigint;
  write(bytes: Uint8Array): void;
  blockingWriteAndFlush(bytes: Uint8Array): void;
  flush(): void;
  blockingFlush(): void;
  writeZeroes(length: bigint): void;
  blockingWriteZeroesAndFlush(length: bigint): void;
  splice(source: InputStream, length: bigint): bigint;
  blockingSplice(source: InputStream, length: bigint): bigint;
  subscribe(): Pollable;
  [Symbol.dispose](): void;
};

export type Interface = Readonly<Record<string, unknown>>;

type Parts = {
  readonly io: {
    readonly error: { readonly Error: new (payload: string) => Error & { readonly payload: unknown } };
    readonly poll: Interface;
    readonly streams: {
      readonly InputStream: new () => InputStream;
      readonly OutputStream: new () => OutputStream;
    };
  };
  readonly cli: {
    readonly stdin: { getStdin(): InputStream };
    readonly terminalInput: Interface;
    readonly terminalOutput: Interface;
  };
  readonly clocks: {
    readonly monotonicClock: Interface & { subscribeDuration(nanoseconds: bigint): Pollable };
    readonly wallClock: Interface;
  };
  readonly random: {
    readonly random: Interface;
    readonly insecure: Interface;
    readonly insecureSeed: Interface;
  };
  readonly sockets: { createSockets(options: { readonly enableNetwork: boolean }): Sockets };
  readonly http: Http;
};

export type Sockets = Readonly<
  Record<
    'instanceNetwork' | 'network' | 'ipNameLookup' | 'tcpCreateSocket' | 'tcp' | 'udpCreateSocket' | 'udp',
    Interface
  >
>;

type Http = {
  readonly types: Interface;
  readonly outgoingHandler: Interface;
  /** Starts a server at a path of this machine, which answers by calling the handler. */
  readonly HTTPServer: new (handler: {
    handle(request: unknown, response: unknown): void;
  }) => { listen(path: string): void };
};

export const { io, cli, clocks, random, sockets, http }: Parts = Object.assign({}, narrow(shim));

/** Without its types, which say less than what is there. */
function narrow(whole: object): ReturnType<typeof Reflect.get> {
  return Reflect.get({ whole }, 'whole');
}
