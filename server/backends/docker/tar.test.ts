// Takes one small file out of what an engine sends, of images that were made to be trouble as well.
import { strict as assert } from 'node:assert';
import { Readable } from 'node:stream';
import { readFirstFile } from './tar.ts';

describe('the one file that an engine sends', () => {
  it('is its content, whatever headers come before it', async () => {
    const archive = Buffer.concat([entry('x', '27 path=etc/passwd in pax\n'), entry('0', 'root:x:0:0\n')]);
    assert.equal((await readFirstFile(Readable.from([archive])))?.toString(), 'root:x:0:0\n');
  });

  it('is nothing where there is a folder or a link, or no end to it', async () => {
    for (const archive of [entry('5', ''), entry('2', ''), entry('0', 'cut').subarray(0, 514)])
      assert.equal(await readFirstFile(Readable.from([archive])), undefined);
    const backwards = entry('x', '');
    backwards.write('-1000\0', 124);
    assert.equal(await readFirstFile(Readable.from([backwards])), undefined);
  });

  it('is given up when it is huge, without being collected', async () => {
    let sent = 0;
    const endless = new Readable({
      read() {
        sent += 65_536;
        this.push(sent === 65_536 ? entry('0', 'x'.repeat(65_536 - 512)) : Buffer.alloc(65_536));
      },
    });
    await assert.rejects(readFirstFile(endless), { code: 'image-broken' });
    assert.ok(sent < 16 * 1024 * 1024);
    assert.equal(endless.destroyed, true);
  });
});

function entry(type: string, content: string): Buffer {
  const body = Buffer.from(content);
  const whole = Buffer.alloc(512 + Math.ceil(body.length / 512) * 512);
  whole.write(`${body.length.toString(8).padStart(11, '0')}\0`, 124);
  whole.write(type, 156);
  body.copy(whole, 512);
  return whole;
}
