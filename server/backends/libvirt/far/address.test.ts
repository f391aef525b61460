// Addresses of libvirt: what reaches the daemon there, and that nothing of them is read by a shell or asks a person.
import { strict as assert } from 'node:assert';
import { addressOf, namesHost, withoutQuestions } from './address.ts';

describe('addresses of libvirt', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['qemu+tcp://host/system', { kind: 'tcp', host: 'host', port: 16509, own: 'qemu:///system' }],
    [
      'qemu+tcp://[2001:db8::1]:5/session',
      { kind: 'tcp', host: '2001:db8::1', port: 5, own: 'qemu:///session' },
    ],
    ['qemu+tls://host/system', undefined],
    ['qemu+unix:///system', undefined],
  ];
  for (const [uri, expected] of cases) {
    it(`are read: ${uri}`, () => assert.deepEqual(addressOf(uri), expected));
  }

  it('become words for ssh, which asks nothing', () => {
    const address = addressOf(
      'qemu+ssh://me@host:2222/system?keyfile=/k%20ey&command=/bin/my-ssh&no_verify=1',
    );
    assert.ok(address?.kind === 'ssh');
    const [program, ...words] = address.argv;
    assert.equal(program, '/bin/my-ssh');
    assert.deepEqual(words.slice(0, 5), ['-T', '-e', 'none', '-o', 'BatchMode=yes']);
    assert.deepEqual(words.slice(-12), [
      ...['-l', 'me', '-p', '2222', '-i', '/k ey', '-o', 'StrictHostKeyChecking=no'],
      ...['--', 'host', 'virt-ssh-helper', 'qemu:///system'],
    ]);
  });

  it('keep words of their own out of the shell on the other side', () => {
    for (const uri of ['qemu+ssh://host/system;reboot', 'qemu+ssh://host/', 'qemu+ssh://host/session/../x y'])
      assert.throws(() => addressOf(uri), { code: 'usage' });
  });

  it('are given to virsh so that it asks nothing', () => {
    assert.equal(withoutQuestions('qemu+ssh://host/system'), 'qemu+ssh://host/system?no_tty=1');
    assert.equal(
      withoutQuestions('qemu+ssh://host/system?keyfile=k'),
      'qemu+ssh://host/system?keyfile=k&no_tty=1',
    );
    for (const uri of ['qemu+ssh://host/system?no_tty=0', 'qemu:///session', 'qemu+tcp://host/system'])
      assert.equal(withoutQuestions(uri), uri);
  });

  it('say whether they name a host', () => {
    assert.deepEqual(
      ['qemu:///system', 'qemu+unix:///session?socket=/s', 'qemu+ssh://host/system'].map(namesHost),
      [false, false, true],
    );
  });
});
