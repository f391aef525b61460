// How files are asked for across threads: what is long arrives whole, and what fails says how.
import { strict as assert } from 'node:assert';
import { caller, type FileReply, replyTo } from './fileCalls.ts';

describe('a call for a file', () => {
  const answered = (reply: FileReply) => caller(call => replyTo(call, reply))(1, 'any', []);

  it('gets bytes and values as they are', () => {
    assert.deepEqual(answered({ value: new Uint8Array([1, 2, 3]) }), new Uint8Array([1, 2, 3]));
    assert.deepEqual(answered({ value: { size: 3 } }), { size: 3 });
  });

  it('gets the names of a large folder', () => {
    const names = Array.from({ length: 100_000 }, (_, at) => ({
      name: `file-${at}`,
      kind: 'file',
      size: at,
    }));
    assert.deepEqual(answered({ value: names }), names);
  });

  it('fails as the file did', () => {
    assert.throws(() => answered({ error: 'EACCES' }), { code: 'EACCES' });
  });
});
