// Contract: programs with a terminal see one, of the right size and kind.
import { strict as assert } from 'node:assert';
import type { GuestProcess } from '../../../server/core/guest.ts';
import { eventually } from '../../support/eventually.ts';
import { runIn } from '../bench.ts';
import { caseFor } from '../claims.ts';
import type { Subject } from '../suite.ts';

const pty = { term: 'xterm-256color', size: { columns: 101, rows: 37 } };

export function terminalCases(subject: Subject): void {
  const { bench } = subject;
  const withTerminal = caseFor(subject, { what: 'terminals', of: ({ exec }) => exec.pty });
  describe('terminals', () => {
    withTerminal('have the size and the kind that was asked for', async () => {
      const { guest } = await bench().start();
      const { stdout } = await runIn(guest, 'stty size; printenv TERM', { pty });
      assert.equal(stdout.replaceAll('\r', ''), '37 101\nxterm-256color\n');
    });

    withTerminal('make one stream of both outputs', async () => {
      const { guest } = await bench().start();
      const { stdout, stderr } = await runIn(guest, 'echo one; echo two >&2', { pty });
      assert.deepEqual([stdout.replaceAll('\r', ''), stderr], ['one\ntwo\n', '']);
    });

    withTerminal('change their size while a program runs', async () => {
      const { guest } = await bench().start();
      const child = await guest.exec({ argv: ['/bin/sh', '-c', 'sleep 0.3; stty size; cat'], pty });
      await child.resize({ columns: 55, rows: 22 });
      await seen(child, /22 55/);
      child.hangUp();
      await child.exited;
    });

    withTerminal('turn Ctrl-C into an interrupt', async () => {
      const { guest } = await bench().start();
      const child = await guest.exec({ argv: ['/bin/sh', '-c', 'echo ready; cat'], pty });
      await seen(child, /ready/);
      child.stdin.write('\x03');
      const status = await child.exited;
      assert.ok(status.kind === 'signalled' || status.code === 130, JSON.stringify(status));
    });
  });
}

async function seen(child: GuestProcess, pattern: RegExp): Promise<void> {
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await eventually(() => pattern.test(text), { what: `output like ${pattern}` });
}
