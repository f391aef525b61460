// The program in which a guest of the external fake runs: `fakeHost.ts <state> <store> <sandbox>`, until it is told to end.
//
// TERM stops the guest with the grace that `stop.json` says, USR1 writes it to disk with its memory, USR2 cuts off
// everybody who is connected while the guest goes on, as an engine does that is restarted.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { identifySelf } from '../../server/platform/process.ts';
import { listen } from '../../server/platform/sockets.ts';
import { serveChannel } from '../../server/wire/serve.ts';
import { FakeGuest } from './fakeGuest.ts';

const [state = ''] = process.argv.slice(2);
const at = (name: string): string => join(state, name);

/** Every change is on disk at once, so that a snapshot is a copy of one file. */
class Disk extends Map<string, Buffer> {
  override set(path: string, content: Buffer): this {
    super.set(path, content);
    this.save();
    return this;
  }

  save(): void {
    const files = [...this].map(([path, content]) => [path, content.toString('base64')]);
    writeFileSync(at('disk.json'), JSON.stringify(Object.fromEntries(files)));
  }
}

const disk = new Disk();
const { files, suspended, ...request } = JSON.parse(readFileSync(at('boot.json'), 'utf8'));
for (const [path, content] of Object.entries<string>(files)) {
  // What was in memory is there again only after a suspension.
  if (suspended || !path.startsWith('/dev/shm/')) disk.set(path, Buffer.from(content, 'base64'));
}
disk.save();
rmSync(at('suspended'), { force: true });

const guest = new FakeGuest(request, disk, () => {});
const open = new Set<Socket>();
const server = await listen(at('guest'), socket => {
  open.add(socket);
  socket.once('close', () => open.delete(socket));
  void serveChannel(socket, { guest, hold: stream => void stream.resume(), log: () => {} });
});

function end(words: object): never {
  writeFileSync(at('ended.json'), JSON.stringify(words));
  server.close();
  process.exit(0);
}

process.on('SIGTERM', () => {
  const { graceMs } = JSON.parse(readFileSync(at('stop.json'), 'utf8'));
  void guest.stop({ graceMs }).then(how => end(how));
});
process.on('SIGUSR1', () => {
  writeFileSync(at('suspended'), '');
  end({ kind: 'stopped', forced: false });
});
process.on('SIGUSR2', () => {
  for (const socket of open) socket.destroy();
});
writeFileSync(at('host.json'), JSON.stringify(identifySelf()));
