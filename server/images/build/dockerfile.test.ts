// What a Dockerfile is built on, in all the ways in which one can say it.
import { strict as assert } from 'node:assert';
import { basesOf, withBases } from './dockerfile.ts';

const cases: readonly (readonly [name: string, text: string, bases: readonly string[]])[] = [
  ['one image', 'FROM debian:12\nRUN true\n', ['debian:12']],
  ['in small letters, with a platform', 'from --platform=linux/amd64 my-base as build\n', ['my-base']],
  [
    'stages, which are no images',
    'FROM a AS one\nFROM one\nCOPY --from=one /x /y\nCOPY --from=0 /x /y\n',
    ['a'],
  ],
  ['a copy from an image', 'FROM scratch\nCOPY --from=tools:1 /x /x\n', ['tools:1']],
  ['a mount from an image', 'FROM a\nRUN --mount=type=bind,from=b,target=/b true\n', ['a', 'b']],
  [
    'arguments and their defaults',
    `ARG V=12\nARG N="debian"\nFROM \${N}:$V\nFROM x:\${W:-9}\n`,
    ['debian:12', 'x:9'],
  ],
  ['arguments inside a stage, which do not count', `FROM a\nARG V=1\nFROM b:\${V:-2}\n`, ['a', 'b:2']],
  ['lines that go on, with comments between', 'FROM \\\n# no\n  a:1 \\\n  AS x\nFROM x\n', ['a:1']],
  ['comments and directives', '# syntax=docker/dockerfile:1\n# FROM no\nFROM yes\n', ['yes']],
  ['nothing', 'FROM scratch\nCOPY . /\n', []],
];

describe('a Dockerfile', () => {
  for (const [name, text, bases] of cases) {
    it(`says what it is built on: ${name}`, () => assert.deepEqual(basesOf(text, {}), bases));
  }

  it('takes arguments from outside before its own defaults', () => {
    assert.deepEqual(basesOf('ARG V=12\nFROM debian:$V\n', { V: '13' }), ['debian:13']);
  });

  it('is built on other images when they are given, and otherwise stays as it is', () => {
    const text =
      'ARG V=12\nFROM debian:$V AS a\nRUN echo debian:12 \\\n  && true\nCOPY --from=tools /x /x\nFROM a\n';
    const names = new Map([
      ['debian:12', 'own:1'],
      ['tools', 'own:2'],
    ]);
    assert.equal(
      withBases(text, {}, names),
      'ARG V=12\nFROM own:1 AS a\nRUN echo debian:12 \\\n  && true\nCOPY --from=own:2 /x /x\nFROM a\n',
    );
  });
});
