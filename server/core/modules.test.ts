// Files of WebAssembly are told apart by their first bytes alone, and named so that an image can bear it.
import { strict as assert } from 'node:assert';
import { moduleKindOf, moduleName } from './modules.ts';

describe('a file of WebAssembly', () => {
  for (const [kind, bytes] of [
    ['wasm-core', [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x05]],
    ['wasm-component', [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00]],
    ['wasm-package', [0x00, 0x77, 0x65, 0x62, 0x63, 0x30, 0x30, 0x33]],
    [undefined, [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x02, 0x00]],
    [undefined, [0x00, 0x61, 0x73, 0x6d, 0x02, 0x00, 0x00, 0x00]],
    [undefined, [0x00, 0x61, 0x73]],
    [undefined, [0x7f, 0x45, 0x4c, 0x46, 0x01, 0x00, 0x00, 0x00]],
    [undefined, []],
  ] as const) {
    it(`that begins with ${bytes.map(byte => byte.toString(16)).join(' ') || 'nothing'} is ${kind ?? 'none'}`, () => {
      assert.equal(moduleKindOf(Uint8Array.from(bytes)), kind);
    });
  }

  it('is called as images can be', () => {
    for (const [path, name] of [
      ['/a/b/tool.wasm', 'tool'],
      ['C:\\made here\\My Tool.WASM', 'my-tool'],
      ['./-x_1.2.webc', 'x_1.2'],
      ['/a/.wasm', 'program'],
    ] as const) {
      assert.equal(moduleName(path), name);
    }
  });
});
