// The port of this machine at which a debugger reaches its program. A debugger that leaves lets a paused program go on, so
// before it leaves the gate closes for it, and stays open for the program until that has ended.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

const LOOPBACK = '127.0.0.1';

export class Gate {
  readonly #server: Server;
  /** The side of the program to that of the debugger. */
  readonly #joined = new Map<Socket, Socket>();

  /** Leads from a port, which has to be free, to another one. */
  static async open(port: number, to: number): Promise<Gate> {
    const gate = new Gate(to);
    gate.#server.listen(port, LOOPBACK);
    await once(gate.#server, 'listening');
    return gate;
  }

  private constructor(to: number) {
    this.#server = createServer(outer => this.#join(outer, to));
  }

  /**
   * Nothing that the debugger says from now on is heard. Done when the program has closed every connection, as its end does,
   * and in any case after a while.
   */
  async close(withinMs: number): Promise<void> {
    this.#server.close();
    for (const [inner, outer] of this.#joined) outer.unpipe(inner);
    const late = setTimeout(() => {
      for (const inner of this.#joined.keys()) inner.destroy();
    }, withinMs);
    await Promise.all([...this.#joined.keys()].map(inner => once(inner, 'close')));
    clearTimeout(late);
  }

  #join(outer: Socket, to: number): void {
    const inner = connect(to, LOOPBACK);
    this.#joined.set(inner, outer);
    outer.pipe(inner, { end: false });
    inner.pipe(outer);
    outer.on('error', () => outer.destroy());
    inner.on('error', () => outer.destroy());
    inner.once('close', () => {
      this.#joined.delete(inner);
      outer.destroy();
    });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, LOOPBACK);
  await once(server, 'listening');
  const address = server.address();
  await new Promise(resolve => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port of this machine is free');
  return address.port;
}
