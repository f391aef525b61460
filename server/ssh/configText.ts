// The text of ~/.heyo/ssh/config: one block per sandbox, quoted for ssh and for the shell that runs the proxy.
import { fail } from '../core/errors.ts';

export type AliasBlock = {
  readonly alias: string;
  readonly hostKeyAlias: string;
  /** The program and arguments that connect to the endpoint. */
  readonly proxy: readonly string[];
  readonly knownHosts: string;
  /** A second way to it, over a port of loopback and with a key. */
  readonly direct?: { readonly alias: string; readonly port: number; readonly identity: string };
};

const HEADER =
  '# Made by heyvm and written again with every change of a sandbox. Include it, do not edit it.\n';

/** Every option that somebody's `Host *` could set otherwise to our harm; in ssh the first value counts. */
const fixedOptions: readonly string[] = [
  'User dev',
  'StrictHostKeyChecking yes',
  'GlobalKnownHostsFile none',
  'CheckHostIP no',
  'VerifyHostKeyDNS no',
  'UpdateHostKeys no',
  'VisualHostKey no',
  'HostKeyAlgorithms ssh-ed25519',
  'KexAlgorithms curve25519-sha256,ecdh-sha2-nistp256',
  'Ciphers aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes256-ctr',
  'MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com',
  'Compression no',
  'RekeyLimit default none',
  'PreferredAuthentications none',
  'PubkeyAuthentication no',
  'IdentityFile none',
  'IdentityAgent none',
  'IdentitiesOnly yes',
  'AddKeysToAgent no',
  'ForwardAgent no',
  'ForwardX11 no',
  'Tunnel no',
  'ExitOnForwardFailure no',
  'ControlMaster no',
  'ControlPath none',
  'ControlPersist no',
  'ProxyUseFdpass no',
  'RemoteCommand none',
  'RequestTTY auto',
  'PermitLocalCommand no',
  'CanonicalizeHostname no',
  'BatchMode no',
  'ConnectTimeout 0',
  'ConnectionAttempts 1',
  'ServerAliveInterval 15',
  'ServerAliveCountMax 4',
  'LogLevel ERROR',
];

export function renderConfig(blocks: readonly AliasBlock[]): string {
  return HEADER + blocks.map(renderBlock).join('');
}

function renderBlock(block: AliasBlock): string {
  const { alias, proxy, direct } = block;
  const proxied = hostBlock(alias, [
    `HostName ${alias}`,
    ...sharedLines(block),
    `ProxyCommand ${proxyCommand(proxy)}`,
    ...fixedOptions,
  ]);
  return direct === undefined ? proxied : proxied + directBlock(block, direct);
}

function directBlock(
  block: AliasBlock,
  { alias, port, identity }: NonNullable<AliasBlock['direct']>,
): string {
  const own = ['HostName 127.0.0.1', `Port ${port}`, 'ProxyCommand none', 'ProxyJump none'];
  const key = [
    'PreferredAuthentications publickey',
    'PubkeyAuthentication yes',
    `IdentityFile ${percentSafe(quotedPath(identity))}`,
  ];
  const rest = fixedOptions.filter(option => !replaced.some(name => option.startsWith(`${name} `)));
  return hostBlock(alias, [...own, ...sharedLines(block), ...key, ...rest]);
}

const replaced = ['PreferredAuthentications', 'PubkeyAuthentication', 'IdentityFile'];

function sharedLines({ hostKeyAlias, knownHosts }: AliasBlock): readonly string[] {
  return [`HostKeyAlias ${hostKeyAlias}`, `UserKnownHostsFile ${percentSafe(quotedPath(knownHosts))}`];
}

function hostBlock(alias: string, lines: readonly string[]): string {
  return `\nHost ${alias}\n${lines.map(line => `  ${line}\n`).join('')}`;
}

/** As it stands in the configuration, and as `ssh -G` repeats it. */
export function proxyCommand(words: readonly string[]): string {
  return words.map(word => percentSafe(shellWord(word))).join(' ');
}

/** A path as one word of an ssh configuration. */
export function quotedPath(path: string): string {
  // OpenSSH has no way to write these that all its versions read alike.
  if (/["\\\r\n]|\$\{/.test(path)) {
    fail('ssh-config', `OpenSSH cannot name the path ${JSON.stringify(path)}`, {
      hint: 'set HEYO_HOME to a folder without quotes, backslashes, line breaks and ${',
    });
  }
  return `"${path}"`;
}

/** Plain where possible, because some clients split the command without a shell. */
function shellWord(word: string): string {
  return /^[A-Za-z0-9_./:@,+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** OpenSSH expands % in these options. */
function percentSafe(text: string): string {
  return text.replaceAll('%', '%%');
}
