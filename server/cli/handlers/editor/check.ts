// heyvm editor check: says what the server of an editor would miss in a sandbox.
import type { GuestFacts } from '../../../protocol/editorMethods.ts';
import type { Context } from '../../command.ts';

export async function run({ args, out, call }: Context): Promise<number> {
  const found = await call('editor/check', { sandbox: args.argument('sandbox') });
  const { facts, gaps } = found;
  out.result(found, () =>
    [
      ...(facts === undefined ? [] : [describe(facts)]),
      ...gaps.flatMap(({ state, detail, fix, source }) => [
        `${out.paint(state === 'error' ? 'red' : 'yellow', state)}  ${detail}`,
        `  ${fix}`,
        `  ${out.paint('dim', source)}`,
      ]),
      ...(gaps.length === 0 ? ['the server of VS Code has all that it needs'] : []),
    ].join('\n'),
  );
  return gaps.some(({ state }) => state === 'error') ? 1 : 0;
}

function describe({ arch, kernel, libc, libstdcxx, programs }: GuestFacts): string {
  const library = libc === undefined ? 'no known C library' : `${libc.kind} ${libc.version ?? ''}`.trim();
  const symbols = libstdcxx === undefined || libstdcxx === '' ? [] : [`GLIBCXX ${libstdcxx}`];
  return [arch, `Linux ${kernel}`, library, ...symbols, ...programs].join(', ');
}
