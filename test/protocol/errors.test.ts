// Every error code crosses a process boundary and comes back as what it was.
import { strict as assert } from 'node:assert';
import {
  exitCodeOf,
  fromErrorInfo,
  SandboxError,
  toErrorInfo,
  toSandboxError,
} from '../../server/core/errors.ts';
import { type ErrorCode, ErrorInfo, errorCodes } from '../../server/protocol/errors.ts';
import { parse } from '../../server/protocol/parse.ts';

const codes = Object.keys(errorCodes) as ErrorCode[];
const documented = [1, 2, 3, 4, 5, 6, 7, 130];

describe('errors', () => {
  it('have a meaning and one of the documented exit codes', () => {
    assert.ok(codes.length > 20);
    for (const code of codes) {
      assert.match(errorCodes[code].meaning, /^[A-Z].{8,}[^.]$/);
      assert.ok(documented.includes(errorCodes[code].exit), `${code} exits with ${errorCodes[code].exit}`);
    }
  });

  for (const code of codes) {
    it(`${code} survives the way to another process and back`, () => {
      const error = new SandboxError(code, 'it failed', { hint: 'try this', data: { number: 1 } });
      const wire = JSON.parse(JSON.stringify(toErrorInfo(error)));
      assert.ok(parse(ErrorInfo, wire).ok);
      const back = fromErrorInfo(wire, 'unreadable');
      assert.deepEqual(toErrorInfo(back), toErrorInfo(error));
      assert.equal(exitCodeOf(back), errorCodes[code].exit);
    });
  }

  it('that nobody knows become internal, without their text', () => {
    const back = fromErrorInfo(
      { code: 'from-the-future', message: 'secret' },
      'an answer that cannot be read',
    );
    assert.equal(back.code, 'internal');
    assert.equal(back.message, 'an answer that cannot be read');
  });

  it('of a cancelled wait are cancelled', () => {
    const controller = new AbortController();
    controller.abort();
    assert.equal(toSandboxError(controller.signal.reason).code, 'cancelled');
  });

  it('of a full or forbidden disk are storage, and name the path', () => {
    for (const code of ['ENOSPC', 'EROFS', 'EACCES']) {
      const error = toSandboxError(Object.assign(new Error('no'), { code, path: '/tmp/x' }));
      assert.equal(error.code, 'storage');
      assert.match(error.message, /\/tmp\/x/);
    }
  });
});
