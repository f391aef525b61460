// Connects as editors do that open a window over ssh: one process with a dynamic forward, and a script on its stdin.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../../../scripts/lib/command.ts';
import { freePort } from '../../../scripts/lib/serveVscode.ts';

export type Connection = {
  /** Where the SOCKS proxy of this connection listens. */
  readonly socks: number;
  /** What the far side said, as `key==value==` lines. */
  readonly said: ReadonlyMap<string, string>;
  /** What the ssh client and the proxy behind it have told the person so far. */
  told(): string;
  /** Resolves when the ssh client has ended. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
};

export type ConnectOptions = {
  readonly alias: string;
  /** The ssh configuration that knows the alias. */
  readonly config: string;
  readonly env: NodeJS.ProcessEnv;
  /** The folder of the far side with `node` and `vscode` in it. */
  readonly server: string;
};

export async function connect(options: ConnectOptions): Promise<Connection> {
  const socks = await freePort();
  const mark = randomBytes(8).toString('hex');
  const token = randomBytes(16).toString('hex');
  const argv = ['-v', '-T', '-F', options.config, '-D', `127.0.0.1:${socks}`, '-o', 'ConnectTimeout=60'];
  const ssh = spawn('ssh', [...argv, options.alias, 'bash', '-s', '--', mark, options.server, token], {
    env: options.env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  ssh.stdout.on('data', chunk => {
    output.stdout += chunk;
  });
  ssh.stderr.on('data', chunk => {
    output.stderr += chunk;
  });
  const ended = new Promise<void>(resolve => ssh.once('close', () => resolve()));
  // A shell reads its script from stdin as far as it needs; the rest of stdin stays open for the script's last line.
  ssh.stdin.write(readFileSync(join(import.meta.dirname, 'bootstrap.sh'), 'utf8'));
  const said = await untilSaid(mark, output, ended);
  return {
    socks,
    said,
    told: () => output.stderr,
    ended,
    close: async () => {
      ssh.stdin.end();
      ssh.kill('SIGTERM');
      await ended;
    },
  };
}

/** A page of the server inside, through the connection's SOCKS port; empty when there is no way to it. */
export async function pageOf({ said, socks }: Connection, path: string): Promise<string> {
  const address = `http://127.0.0.1:${said.get('listeningOn')}${path}`;
  const words = ['--silent', '--max-time', '90', '--location', '--cookie', ''];
  return (await attempt(['curl', ...words, '--socks5', `127.0.0.1:${socks}`, address])).stdout;
}

async function untilSaid(
  mark: string,
  output: { readonly stdout: string; readonly stderr: string },
  ended: Promise<void>,
): Promise<ReadonlyMap<string, string>> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  const deadline = Date.now() + 90_000;
  for (;;) {
    const block = new RegExp(`^${mark}: start\n([\\s\\S]*?)^${mark}: end$`, 'm').exec(output.stdout)?.[1];
    if (block !== undefined) {
      return new Map(
        [...block.matchAll(/^(\w+)==(.*)==$/gm)].map(([, key = '', value = '']) => [key, value]),
      );
    }
    if (over || Date.now() > deadline)
      throw new Error(`the far side said nothing useful\n${output.stdout}\n${output.stderr}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}
