// The descriptions of machines: as they were looked at and found good, and valid for libvirt's own schema.
import { strict as assert } from 'node:assert';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Machine, renderDomain } from '../../server/backends/libvirt/domain.ts';
import { run } from '../../server/platform/run.ts';

const plain: Machine = {
  name: 'heyvm-0123456789ab-sb-01234567',
  uuid: '3f0a2f2e-8f0e-4d0c-9c55-0123456789ab',
  id: 'sb-01234567',
  storeId: '0123456789ab',
  state: '/state',
  arch: 'x86_64',
  accelerator: 'tcg',
  memoryMiB: 1024,
  processors: 1,
  boot: { kind: 'kernel', kernel: '/images/vmlinux', initrd: '/images/initrd', commandLine: 'console=ttyS0' },
  disk: '/state/disk.qcow2',
  network: 'none',
  port: '/run/heyvm/port',
  console: '/state/console.log',
  emulator: '/cache/emulators/0/heyvm-qemu',
  share: { folder: '/state/stage', plan: '/state/stage.json' },
  shared: 'over 9p',
};

const machines: Readonly<Record<string, Machine>> = {
  plain,
  system: {
    ...plain,
    accelerator: 'kvm',
    processors: 4,
    network: 'open',
    boot: { kind: 'firmware' },
    seed: '/state/seed.iso',
    runAs: { uid: 1000, gid: 1001 },
    unconfined: ['apparmor'],
    qemuArguments: ['-incoming', 'defer'],
  },
  served: { ...plain, shared: 'not' },
  elsewhere: {
    ...plain,
    emulator: '/usr/bin/qemu-system-x86_64',
    disk: '/var/lib/libvirt/images/disk.qcow2',
    port: undefined,
    console: undefined,
    share: undefined,
    shared: 'not',
  },
  strange: {
    ...plain,
    disk: `/a & b/<"it's">/disk.qcow2`,
    share: { folder: '/ü/\u{1f600}', plan: '/p' },
  },
};

describe('descriptions of machines', () => {
  for (const [name, machine] of Object.entries(machines)) {
    it(`are what they were: ${name}`, () => {
      const file = join(import.meta.dirname, 'golden', `${name}.xml`);
      const rendered = renderDomain(machine);
      assert.equal(rendered, readFileSync(file, 'utf8'));
    });

    it(`fit the schema of libvirt: ${name}`, async function () {
      const { code, said } = await validate(renderDomain(machine));
      if (code === undefined) return notRun(this, said);
      assert.equal(code, 0, said);
    });
  }

  for (const [what, from, to] of [
    ['an unknown element', '<devices>', '<devices><surprise/>'],
    ['an unknown share mode', 'accessmode="squash"', 'accessmode="anything"'],
    ['no name', /<name>.*<\/name>/, ''],
  ] as const) {
    it(`with ${what} do not`, async function () {
      const broken = renderDomain(plain).replace(from, to);
      assert.notEqual(broken, renderDomain(plain));
      const { code, said } = await validate(broken);
      if (code === undefined) return notRun(this, said);
      assert.notEqual(code, 0);
    });
  }
});

async function validate(xml: string): Promise<{ code: number | undefined; said: string }> {
  const missing = ['virt-xml-validate', 'xmllint'].find(name => !existsSync(`/usr/bin/${name}`));
  if (missing !== undefined) return { code: undefined, said: `${missing} is not installed` };
  const folder = mkdtempSync(join(tmpdir(), 'heyvm-xml-'));
  try {
    const file = join(folder, 'domain.xml');
    writeFileSync(file, xml);
    const { code, stdout, stderr } = await run(['virt-xml-validate', file, 'domain'], { accept: 'any' });
    return { code, said: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function notRun(test: Mocha.Context, why: string): void {
  console.log(`not run: ${why}`);
  test.skip();
}
