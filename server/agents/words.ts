// The answers of tools as text, for agents that read no structure.
import type { SaidText, ToolName, ToolOutput } from '../protocol/agentTools.ts';

/** What most tools answer is small and clearest as it is. */
export function wordsOf<N extends ToolName>(name: N, output: ToolOutput<N>): string {
  const words: { readonly [M in ToolName]?: (output: ToolOutput<M>) => string } = {
    exec: ({ exit_code, signal, timed_out, stdout, stderr }) =>
      [
        timed_out ? 'ended because its time was up' : undefined,
        signal === undefined ? `exit code ${exit_code}` : `ended by signal ${signal}`,
        block('stdout', stdout),
        block('stderr', stderr),
      ]
        .filter(line => line !== undefined)
        .join('\n'),
    read_output: ({ text }) => text,
    read_file: ({ text }) => text,
    read_log: ({ log }) => log.text,
    diff_branch: ({ patch }) => (patch.text === '' ? 'nothing changed' : patch.text),
  };
  const say = words[name] as ((output: ToolOutput<N>) => string) | undefined;
  return say === undefined ? JSON.stringify(output, null, 2) : say(output);
}

function block(name: string, { text }: SaidText): string | undefined {
  return text === '' ? undefined : `--- ${name}\n${text}`;
}
