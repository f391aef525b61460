// heyvm doctor: prints what is right and what is not.
import type { Check } from '../../protocol/doctor.ts';
import type { Context } from '../command.ts';
import { type Output, printable, type Style } from '../output.ts';

const marks: Readonly<Record<Check['state'], { mark: string; style: Style }>> = {
  ok: { mark: 'ok', style: 'green' },
  warning: { mark: 'warning', style: 'yellow' },
  error: { mark: 'error', style: 'red' },
  absent: { mark: 'absent', style: 'dim' },
};

export async function run({ out, call }: Context): Promise<number> {
  const { checks } = await call('doctor/run', {});
  const errors = checks.filter(check => check.state === 'error').length;
  out.result({ checks }, () => checks.map(check => checkText(out, check)).join('\n'));
  if (errors > 0) out.note(`${errors} of ${checks.length} checks need mending`);
  return errors === 0 ? 0 : 1;
}

function checkText({ paint }: Output, check: Check): string {
  const { mark, style } = marks[check.state];
  const fix =
    check.fix === undefined || check.state === 'ok'
      ? ''
      : `\n           ${paint('cyan', printable(check.fix))}`;
  return `${paint(style, mark.padEnd(9))}  ${paint('bold', check.title)}: ${printable(check.detail)}${fix}`;
}
