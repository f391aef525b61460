// Writes heyvm's own project file from what a devcontainer.json means.
import { stringify } from 'yaml';
import type { Translated } from './translate.ts';

export function yamlOf({ file, unfollowed }: Translated, path: string): string {
  const left = unfollowed.map(({ what, why }) => `#   ${what}: ${why}`.replaceAll(/[\r\n]+/g, ' '));
  const head = [
    `# What heyvm up starts, and what heyvm wt makes for a branch; made from ${path}.`,
    '# What would weaken the sandbox (network, folders outside of this one, ports of the machine) has to be agreed to.',
    ...(left.length === 0 ? [] : [`# Of ${path} this is not followed:`, ...left]),
  ];
  const body = Object.keys(file).length === 0 ? '' : stringify(file, { lineWidth: 0 });
  return `${head.join('\n')}\n\n${body}`;
}
