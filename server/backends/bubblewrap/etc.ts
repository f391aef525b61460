// The files of /etc that a guest gets: written for it where the host's own would tell too much, else taken from the host.
import { userOf } from '../../core/launch.ts';
import type { NetworkMode } from '../../protocol/backend.ts';

export type GuestFile = { readonly path: string; readonly content: string };

export type EtcFacts = {
  readonly name: string;
  readonly id: string;
  readonly uid: number;
  readonly gid: number;
  readonly shell: string;
  readonly user?: string | undefined;
  readonly network: NetworkMode;
  /** The host's own, for guests that share its network. */
  readonly resolv: string | undefined;
};

/** What is shown read-only as the host has it, when it has it. Nothing here holds a secret or names a person. */
export const sharedEtc: readonly string[] = [
  'alternatives',
  'bash_completion',
  'bash_completion.d',
  'ca-certificates',
  'ca-certificates.conf',
  'debian_version',
  'fonts',
  'inputrc',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'lsb-release',
  'locale.alias',
  'localtime',
  'login.defs',
  'magic',
  'mime.types',
  'nanorc',
  'os-release',
  'perl',
  'pki/ca-trust/extracted',
  'pki/tls/certs',
  'pki/tls/openssl.cnf',
  'protocols',
  'redhat-release',
  'rpc',
  'services',
  'ssl/ca-bundle.pem',
  'ssl/cert.pem',
  'ssl/certs',
  'ssl/openssl.cnf',
  'terminfo',
  'vim',
];

/** Folders of language runtimes that distributions keep in /etc; versions are part of their names. */
export const sharedEtcPatterns: readonly RegExp[] = [/^java(-[\w.-]+)?$/, /^python3(\.\d+)?$/];

export function guestEtc(facts: EtcFacts): readonly GuestFile[] {
  const files: GuestFile[] = [
    { path: '/etc/passwd', content: passwd(facts) },
    { path: '/etc/group', content: group(facts) },
    {
      path: '/etc/hosts',
      content: `127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.1.1 ${facts.name}\n`,
    },
    { path: '/etc/hostname', content: `${facts.name}\n` },
    {
      path: '/etc/nsswitch.conf',
      content: 'passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n',
    },
    { path: '/etc/machine-id', content: `${machineId(facts.id)}\n` },
    { path: '/etc/shells', content: '/bin/sh\n/bin/bash\n' },
    { path: '/etc/gitconfig', content: '[safe]\n\tdirectory = *\n' },
    { path: '/etc/profile', content: profile },
    { path: '/etc/bash.bashrc', content: bashrc },
  ];
  if (facts.network !== 'none' && facts.resolv !== undefined) {
    files.push({ path: '/etc/resolv.conf', content: facts.resolv });
  }
  return files;
}

/** Put into a new home; the person's own from then on. */
export const homeSkeleton: readonly GuestFile[] = [
  { path: '.bashrc', content: '[ -r /etc/bash.bashrc ] && . /etc/bash.bashrc\n' },
  { path: '.profile', content: '[ -n "$BASH" ] && [ -r ~/.bashrc ] && . ~/.bashrc\n' },
];

/** On a host where root starts it, this user has the number 0 and still no privilege. */
function passwd({ uid, gid, shell, user }: EtcFacts): string {
  const { name, home } = userOf({ user });
  const own = `${name}:x:${uid}:${gid}:heyvm:${home}:${shell}\n`;
  const root = uid === 0 ? '' : 'root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n';
  return `${own}${root}nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n`;
}

function group({ gid, user }: EtcFacts): string {
  const root = gid === 0 ? '' : 'root:x:0:\n';
  return `${userOf({ user }).name}:x:${gid}:\n${root}tty:x:5:\nnogroup:x:65534:\n`;
}

/** One per sandbox, and none that says which host it is on. */
function machineId(id: string): string {
  const digits = Buffer.from(`heyvm ${id}`).toString('hex');
  return digits.padEnd(32, '0').slice(-32);
}

const profile = `# The login shell of a sandbox.
PATH="\${PATH:-/usr/local/bin:/usr/bin:/bin}"
export PATH
if [ -n "$BASH" ] && [ -r /etc/bash.bashrc ]; then
  . /etc/bash.bashrc
elif [ -n "$PS1" ]; then
  PS1="\${HEYVM_SANDBOX:-sandbox}:\\$PWD\\$ "
fi
`;

const bashrc = `# The interactive shell of a sandbox: the prompt says which one it is.
[ -z "$PS1" ] && return
[ -n "$HEYVM_PROMPT" ] && return
HEYVM_PROMPT=1
shopt -s checkwinsize
HISTCONTROL=ignoreboth
PS1='\\[\\e[1;36m\\]\${HEYVM_SANDBOX:-sandbox}\\[\\e[0m\\]:\\[\\e[1;34m\\]\\w\\[\\e[0m\\]\\$ '
if [ -x /usr/bin/dircolors ]; then
  eval "$(dircolors -b)"
  alias ls='ls --color=auto' grep='grep --color=auto'
fi
[ -r /usr/share/bash-completion/bash_completion ] && . /usr/share/bash-completion/bash_completion
`;
