// The doctor's report as a document: what is wrong first, each with what mends it.
import type { Check } from '../server/protocol/doctor.ts';

const sections = [
  { state: 'error', title: 'Broken' },
  { state: 'warning', title: 'Needs attention' },
  { state: 'absent', title: 'Not available' },
  { state: 'ok', title: 'In order' },
] as const satisfies readonly { state: Check['state']; title: string }[];

export function doctorReport(checks: readonly Check[]): string {
  const parts = sections.flatMap(({ state, title }) => {
    const found = checks.filter(check => check.state === state);
    return found.length === 0 ? [] : [`## ${title}`, found.map(lineOf).join('\n')];
  });
  return `${['# heyvm doctor', ...parts].join('\n\n')}\n`;
}

function lineOf(check: Check): string {
  const line = `* **${plain(check.title)}**: ${plain(check.detail)}`;
  return check.fix === undefined ? line : `${line}  \n  Fix: ${code(check.fix)}`;
}

/** Paths and versions are text, whatever they contain. */
function plain(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]()#+\-.!|<>&~]/g, character => `\\${character}`);
}

/** Longer fences than any run of backticks inside keep the text verbatim. */
function code(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence} ${text.replace(/\s+/g, ' ')} ${fence}`;
}
