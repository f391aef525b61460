import { strict as assert } from 'node:assert';
import { between, createOutputs } from './outputs.ts';

describe('outputs for agents', () => {
  it('are answered whole when they are short', () => {
    assert.deepEqual(createOutputs().show('short\n'), { text: 'short\n', bytes: 6, redacted: 0 });
  });

  it('are cut in the middle when they are long, and can be read on without a gap', () => {
    const outputs = createOutputs();
    const text = Array.from({ length: 9000 }, (_, index) => `line ${index} ü`).join('\n');
    const { text: shown, handle = '', bytes } = outputs.show(text);
    assert.ok(shown.startsWith('line 0 ü\n') && shown.endsWith('line 8999 ü'));
    assert.ok(Buffer.byteLength(shown) < 17_000);
    assert.equal(bytes, Buffer.byteLength(text));
    assert.match(shown, new RegExp(`read_output with ${handle}`));
    let read = '';
    for (let offset = 0; ; ) {
      const part = outputs.read(handle, offset, 1001);
      read += part.text;
      offset += part.bytes;
      if (part.end) break;
    }
    assert.equal(read, text);
  });

  it('have no secrets in them, also when they are read on', () => {
    const outputs = createOutputs();
    const { text, handle = '', redacted } = outputs.show(`X_TOKEN=hunter22\n${'x'.repeat(40_000)}`);
    assert.equal(redacted, 1);
    assert.match(text, /^X_TOKEN=\[redacted\]\n/);
    assert.match(outputs.read(handle, 0, 100).text, /^X_TOKEN=\[redacted\]\n/);
  });

  it('are not kept for ever', () => {
    const outputs = createOutputs();
    const first = outputs.show('a'.repeat(20 * 1024 * 1024)).handle ?? '';
    assert.equal(outputs.read(first, 0, 1).text, 'a');
    const second = outputs.show('b'.repeat(20 * 1024 * 1024)).handle ?? '';
    assert.throws(() => outputs.read(first, 0, 1), { code: 'path-not-found', hint: /again/ });
    assert.equal(outputs.read(second, 0, 1).text, 'b');
  });

  it('say how much of them was not kept', () => {
    const { text, bytes } = createOutputs().show('x'.repeat(20_000), 1_000_000);
    assert.equal(bytes, 1_020_000);
    assert.match(text, /1000000 bytes more were not kept/);
  });

  it('are cut between characters', () => {
    const bytes = Buffer.from('aüb€c');
    for (let from = 0; from <= bytes.length; from += 1)
      for (let to = from; to <= bytes.length; to += 1)
        assert.ok(!between(bytes, from, to).toString().includes('\u{fffd}'), `${from} ${to}`);
    assert.equal(between(bytes, 0, 3).toString(), 'aü');
  });
});
