// Commands, shells and terminals through plain OpenSSH.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../support/eventually.ts';
import { hasProgram, run } from './support/run.ts';
import { startSandbox, type TestSandbox, whyNot } from './support/sandbox.ts';

describe('ssh into a sandbox', () => {
  let box: TestSandbox;
  before(async function () {
    const why = await whyNot();
    if (why !== undefined) {
      console.log(`not run: ${why}`);
      return this.skip();
    }
    box = await startSandbox();
  });
  after(() => box?.dispose());

  it('gives the status of the command and keeps both outputs apart', async () => {
    const { code, stdout, stderr } = await box.ssh([box.alias, 'echo out; echo err >&2; exit 7']);
    assert.deepEqual([code, stdout.toString(), stderr], [7, 'out\n', 'err\n']);
  });

  it('runs the command in the workspace, as the shell of the guest reads it', async () => {
    const { stdout } = await box.ssh([box.alias, 'pwd; echo "$0 $HOME"; x="a  b"; echo "$x" | tr a-z A-Z']);
    assert.equal(stdout.toString(), '/workspace\n/bin/bash /home/dev\nA  B\n');
  });

  it('tells of a command that a signal ended', async () => {
    const { code } = await box.ssh([box.alias, 'kill -TERM $$']);
    assert.equal(code, 255);
  });

  it('says 127 for a program that does not exist', async () => {
    assert.equal((await box.ssh([box.alias, 'no-such-program'])).code, 127);
  });

  it('passes stdin on with its end, and every byte as it is', async () => {
    const input = randomBytes(3_000_000);
    const { code, stdout } = await box.ssh([box.alias, 'cat'], { input });
    assert.equal(code, 0);
    assert.ok(stdout.equals(input));
  });

  it('does not hang when the command leaves its input unread', async () => {
    const { code, stdout } = await box.ssh([box.alias, 'head -c 4; echo'], {
      input: Buffer.alloc(8_000_000, 'x'),
    });
    assert.deepEqual([code, stdout.toString()], [0, 'xxxx\n']);
  });

  it('keeps stdout and stderr whole when both are full', async () => {
    const script = 'for i in $(seq 1 200); do head -c 50000 /dev/zero; head -c 50000 /dev/zero >&2; done';
    const { code, stdout, stderr } = await box.ssh([box.alias, script]);
    assert.deepEqual([code, stdout.length, stderr.length], [0, 10_000_000, 10_000_000]);
  });

  it('keeps them whole when first one and then the other waits for its reader', async () => {
    const step = 'head -c 100000 /dev/zero';
    const phase = (to: string, from: number) =>
      `for i in $(seq ${from} ${from + 79}); do ${step} >&${to}; echo $i > progress; done; `;
    const client = spawn('ssh', [
      '-F',
      box.config,
      box.alias,
      phase('1', 100) + phase('2', 200) + phase('1', 300),
    ]);
    const stuck = async () => {
      const seen: string[] = [];
      await eventually(async () => {
        seen.push(await readFile(join(box.workspace, 'progress'), 'utf8'));
        return seen.length > 20 && new Set(seen.slice(-20)).size === 1;
      });
      return Number(seen.at(-1));
    };
    const counts = { stdout: 0, stderr: 0 };
    const count = (stream: 'stdout' | 'stderr') => {
      client[stream].on('data', chunk => {
        counts[stream] += chunk.length;
      });
    };
    assert.ok((await stuck()) < 179);
    count('stdout');
    const second = await eventually(async () => {
      const at = await stuck();
      return at >= 200 && at;
    });
    assert.ok(second < 279);
    count('stderr');
    await once(client, 'close');
    assert.deepEqual(counts, { stdout: 16_000_000, stderr: 8_000_000 });
  });

  it('runs a script on stdin with a bare shell, as Remote-SSH does', async () => {
    const input = 'echo "uname==$(uname -s)=="\ncat <<X\nlines\nX\nexit 3\n';
    const { code, stdout } = await box.ssh(['-T', '-o', 'ConnectTimeout=15', box.alias, 'bash'], { input });
    assert.deepEqual([code, stdout.toString()], [3, 'uname==Linux==\nlines\n']);
  });

  it('gives a login shell without a terminal', async () => {
    const input = 'shopt -q login_shell && echo login; tty\nexit 5\n';
    const { code, stdout } = await box.ssh(['-T', box.alias], { input });
    assert.deepEqual([code, stdout.toString()], [5, 'login\nnot a tty\n']);
  });

  it('gives a terminal of a usual size when the client has none', async () => {
    const { stdout } = await box.ssh(['-tt', box.alias, 'tty; stty size']);
    assert.match(stdout.toString(), /^\/dev\/pts\/\d+\r\n24 80\r\n/);
  });

  it('gives the terminal the size of the client', async function () {
    if (!(await hasProgram('script'))) {
      console.log('not run: script is not installed');
      return this.skip();
    }
    const command = `stty rows 31 cols 97; ssh -F '${box.config}' -t ${box.alias} 'stty size; echo $TERM'`;
    const { stdout } = await run(['script', '-qfec', command, '/dev/null'], {
      env: { TERM: 'xterm-256color', SHELL: '/bin/sh' },
    });
    assert.match(stdout.toString(), /31 97\r\nxterm-256color\r\n/);
  });

  it('lets vim edit a file in a terminal', async () => {
    const keys = 'ihello from vim\u001b:wq! note.txt\r';
    const { code } = await box.ssh(['-tt', box.alias, 'vim -u NONE -N'], { input: keys });
    assert.equal(code, 0);
    assert.equal(await readFile(join(box.workspace, 'note.txt'), 'utf8'), 'hello from vim\n');
  });

  it('interrupts a program in a terminal', async () => {
    const client = spawn('ssh', [
      '-F',
      box.config,
      '-tt',
      box.alias,
      'trap "exit 9" INT; echo ready; read -r line',
    ]);
    let said = '';
    client.stdout.on('data', chunk => {
      said += chunk;
      if (said.includes('ready')) client.stdin.write('\u0003');
    });
    const [code] = await once(client, 'exit');
    assert.equal(code, 9);
  });

  it('hangs a program up when its client is gone', async () => {
    const client = spawn('ssh', ['-F', box.config, box.alias, 'echo $$; exec sleep 1000']);
    const [pid] = await once(client.stdout, 'data');
    client.kill('SIGKILL');
    await eventually(async () => (await box.ssh([box.alias, `kill -0 ${pid}`])).code === 1, {
      what: 'the hang-up',
    });
  });

  it('leaves alone what runs in the background without a terminal when its client is gone', async () => {
    const client = spawn('ssh', ['-F', box.config, box.alias, 'sleep 1000 & echo $$ $!; cat']);
    const [said] = await once(client.stdout, 'data');
    const [shell, background] = String(said).trim().split(' ');
    client.kill('SIGKILL');
    await eventually(async () => (await box.ssh([box.alias, `kill -0 ${shell}`])).code === 1, {
      what: 'the hang-up',
    });
    assert.equal((await box.ssh([box.alias, `kill ${background}`])).code, 0);
  });

  it('lets ten clients in at once', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_, index) => box.ssh([box.alias, `echo ${index}`])),
    );
    assert.deepEqual(
      outcomes.map(({ stdout }) => stdout.toString()),
      Array.from({ length: 10 }, (_, index) => `${index}\n`),
    );
  });
});
