// A disk of the host that fills up while a machine writes ends that machine, with the reason.
import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { libvirt } from '../../server/backends/libvirt/index.ts';
import { run } from '../../server/platform/run.ts';
import { groundOf } from '../support/grounds.ts';

const namespaces = ['unshare', '--user', '--map-current-user', '--keep-caps', '--mount'] as const;

describe('a machine that fills the disk of the host', function () {
  this.timeout(240_000);

  it('is stopped and says why', async function () {
    const why = await whyNot();
    if (why !== undefined) {
      console.log(`not run: a full disk: ${why}`);
      return this.skip();
    }
    const fixture = join(import.meta.dirname, 'fixtures', 'fullDisk.ts');
    const { stdout } = await run([...namespaces, process.execPath, fixture], { env: environment() });
    const told: unknown = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    assert.deepEqual(told, {
      end: {
        kind: 'died',
        reason:
          'its disk could not grow, because the disk that it lies on is full; make room and start it again',
      },
      condition: 'stopped',
    });
  });
});

async function whyNot(): Promise<string | undefined> {
  if (process.getuid?.() === 0) return 'root has no libvirt of its own';
  const ground = await groundOf(libvirt);
  if (ground.kind === 'not run') return ground.why;
  const tried = await run([...namespaces, 'mount', '-t', 'tmpfs', 'trial', '/mnt'], { accept: 'any' });
  return tried.code === 0 ? undefined : `no namespace in which to mount: ${tried.stderr.trim()}`;
}

function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
