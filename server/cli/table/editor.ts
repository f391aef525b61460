// Commands about editors whose server runs inside a sandbox.
import type { Command } from '../command.ts';
import { sandboxArgument } from './shared.ts';

const productFlag = {
  kind: 'string',
  name: 'product',
  value: 'FILE',
  complete: 'file',
  summary: 'the product.json of the editor, in resources/app of its installation',
} as const;

const check: Command = {
  name: 'editor check',
  summary: 'Say what the server of VS Code would miss in a sandbox',
  details: [
    'Asks the guest in one round trip for its processor, kernel, C library, libstdc++, programs, memory, disk and loopback. The exit code is 1 when the server could not start.',
  ],
  arguments: [sandboxArgument],
  flags: [],
  examples: [{ command: 'heyvm editor check wt-feature-x', about: 'before a window opens on it' }],
  json: {
    facts: {
      arch: 'x86_64',
      kernel: '6.1.0',
      libc: { kind: 'glibc', version: '2.36' },
      libstdcxx: '3.4.30',
      programs: ['bash', 'tar', 'gzip'],
      memory_bytes: 1_073_741_824,
      disk_bytes: 21_474_836_480,
      home: 'usable',
      loopback: 'up',
      shared_servers: true,
    },
    gaps: [
      {
        id: 'memory',
        state: 'warning',
        detail: 'it has 1024 MiB of memory; 2048 are recommended',
        fix: 'give it more: heyvm resize <sandbox> --memory 2g',
        source: 'https://code.visualstudio.com/docs/remote/ssh (system requirements)',
      },
    ],
  },
  load: () => import('../handlers/editor/check.ts'),
};

const prepare: Command = {
  name: 'editor prepare',
  summary: 'Put the server of an editor where its ssh extension looks for it',
  details: [
    'The server is downloaded once to this machine, from where the product.json of the editor says, with the checksum of its vendor, and is then shown to every sandbox whose backend binds folders; it is copied into the others. It counts as there when it says its own commit, run inside. The extension for VS Code does the same before it opens a window.',
  ],
  arguments: [sandboxArgument],
  flags: [
    productFlag,
    { kind: 'flag', name: 'copy', summary: 'copy it, even where it could be shown from this machine' },
  ],
  examples: [
    {
      command: 'heyvm editor prepare wt-feature-x --product /usr/share/code/resources/app/product.json',
      about: 'for an editor from a Debian package',
    },
  ],
  json: {
    how: 'shared',
    path: '/home/dev/.vscode-server/bin/0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d',
    version: '1.139.1',
  },
  load: () => import('../handlers/editor/prepare.ts'),
};

const open: Command = {
  name: 'editor open',
  summary: 'Serve the editor out of a sandbox to a browser of this machine',
  details: [
    'Puts the server with the pages of the editor into the sandbox, starts it there on loopback with a token, and brings it to a port of 127.0.0.1 until Ctrl-C. The server goes on inside as long as the sandbox runs, and the next call finds it again.',
  ],
  arguments: [sandboxArgument],
  flags: [
    productFlag,
    {
      kind: 'flag',
      name: 'accept-license',
      summary: 'you accept the licence terms of the server, which it asks for',
    },
  ],
  examples: [
    {
      command:
        'heyvm editor open wt-feature-x --accept-license --product /usr/share/code/resources/app/product.json',
      about: 'then open the address that is printed',
    },
  ],
  json: {
    url: 'http://127.0.0.1:40123/?tkn=0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d&folder=/workspace',
    port: 40_123,
  },
  load: () => import('../handlers/editor/open.ts'),
};

export const editorCommands: readonly Command[] = [check, prepare, open];
