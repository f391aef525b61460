// heyvm test-backend: tries a backend from end to end and says how long each step took.
import type { Context } from '../command.ts';
import { type Cell, table } from '../render.ts';

const words = { passed: 'ok', failed: 'FAILED', 'not run': 'not run' } as const;
const styles = { passed: 'green', failed: 'red', 'not run': 'dim' } as const;

export async function run({ args, out, call }: Context): Promise<number> {
  const image = args.string('image');
  const tried = await call('backend/test', {
    id: args.argument('backend'),
    ...(image === undefined ? {} : { image }),
    ...(args.flag('cold') ? { cold: true } : {}),
  });
  out.result(tried, () => {
    const rows = tried.steps.map(({ name, duration_ms: ms, outcome, detail }): Cell[] => [
      name,
      { text: words[outcome], style: styles[outcome] },
      outcome === 'not run' ? '-' : `${ms} ms`,
      detail ?? '',
    ]);
    const total = Math.round(tried.steps.reduce((sum, { duration_ms: ms }) => sum + ms, 0));
    const verdict = tried.passed ? out.paint('green', 'PASS') : out.paint('red', 'FAIL');
    return `${table(out, ['STEP', 'RESULT', 'TIME', 'DETAIL'], rows)}\n${verdict} ${tried.backend} in ${total} ms`;
  });
  return tried.passed ? 0 : 1;
}
