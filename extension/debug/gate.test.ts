// What a debugger closes stays open for its program, over real sockets.
import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { freePort, Gate } from './gate.ts';

describe('the gate between a debugger and its program', () => {
  let program: Server;
  let gate: Gate;
  let debuggerSide: Socket;
  let programSide: Socket;

  beforeEach(async () => {
    program = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(program, 'listening');
    const port = await freePort();
    gate = await Gate.open(port, (program.address() as AddressInfo).port);
    const accepted = once(program, 'connection');
    debuggerSide = connect(port, '127.0.0.1');
    [programSide] = await accepted;
  });

  afterEach(() => {
    debuggerSide.destroy();
    programSide.destroy();
    program.close();
  });

  it('lets both sides talk', async () => {
    debuggerSide.write('ask');
    assert.equal(String((await once(programSide, 'data'))[0]), 'ask');
    programSide.write('answer');
    assert.equal(String((await once(debuggerSide, 'data'))[0]), 'answer');
  });

  it('closes with the program', async () => {
    programSide.destroy();
    await once(debuggerSide, 'close');
    await gate.close(60_000);
  });

  it('is deaf to a debugger that leaves, and open for its program until that has ended', async () => {
    const heard: string[] = [];
    programSide.on('data', data => heard.push(String(data)));
    programSide.on('end', () => heard.push('end'));
    const closed = gate.close(60_000);
    debuggerSide.end('go on');
    assert.equal(await Promise.race([closed, roundTrip()]), 'meanwhile');
    assert.deepEqual(heard, []);
    programSide.destroy();
    await closed;
  });

  it('does not tell the program that its debugger left', async () => {
    const heard: string[] = [];
    programSide.on('end', () => heard.push('end'));
    programSide.resume();
    debuggerSide.destroy();
    await once(debuggerSide, 'close');
    await roundTrip();
    assert.deepEqual(heard, []);
  });

  it('closes all the same when the program does not end', async () => {
    const ended = once(programSide, 'close');
    programSide.resume();
    programSide.on('end', () => programSide.end());
    await gate.close(1);
    await ended;
  });

  it('lets nobody in who comes afterwards', async () => {
    const { remotePort } = debuggerSide;
    await gate.close(1);
    const late = connect(Number(remotePort), '127.0.0.1');
    const [error] = await once(late, 'error');
    assert.equal(error.code, 'ECONNREFUSED');
  });

  it('has a port of its own', async () => {
    await assert.rejects(Gate.open(Number(debuggerSide.remotePort), 1), { code: 'EADDRINUSE' });
  });

  /** Another connection comes and goes, in which time the first one would have been heard. */
  async function roundTrip(): Promise<'meanwhile'> {
    const accepted = once(program, 'connection');
    const other = connect((program.address() as AddressInfo).port, '127.0.0.1');
    const [inner] = await accepted;
    const ended = once(inner, 'end');
    inner.resume();
    other.end();
    await ended;
    inner.end();
    other.destroy();
    return 'meanwhile';
  }
});
