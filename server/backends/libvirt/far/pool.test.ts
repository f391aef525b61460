// What virsh prints about volumes, and which of them holds a whole file of an image.
import { strict as assert } from 'node:assert';
import { parseVolumes } from './pool.ts';
import { stemOf, wholeOf } from './volumes.ts';

const stem = `heyvm-0123456789ab-sha256-${'a'.repeat(40)}`;

describe('volumes of another host', () => {
  it('are read with their paths', () => {
    const printed = ' a.qcow2   /var/lib/images/a.qcow2\n b          /with a space/b\n\n';
    assert.deepEqual(
      [...parseVolumes(printed)],
      [
        ['a.qcow2', '/var/lib/images/a.qcow2'],
        ['b', '/with a space/b'],
      ],
    );
    assert.equal(parseVolumes(' Name   Path\n--------------\n').size, 0);
  });

  it('are whole when their mark is there', () => {
    const there = new Map([
      [`${stem}-00000001`, '/1'],
      [`${stem}-00000002`, '/2'],
      [`${stem}-00000002.whole`, '/2.whole'],
    ]);
    assert.equal(wholeOf(there, stem), `${stem}-00000002`);
    assert.equal(wholeOf(there, stem.replace('a', 'b')), undefined);
    there.delete(`${stem}-00000002.whole`);
    assert.equal(wholeOf(there, stem), undefined);
  });

  it('of sandboxes and of others are no files of images', () => {
    for (const name of [
      'heyvm-0123456789ab-sb-01234567.qcow2',
      `${stem}.qcow2`,
      `${stem}-00000002.whole`,
      'debian',
    ])
      assert.equal(stemOf(name), undefined);
    assert.equal(stemOf(`${stem}-00000002`), stem);
  });
});
