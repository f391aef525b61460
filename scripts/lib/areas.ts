// The areas of the tests: which files belong to each, and what must be installed for them.
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import type { Need } from './apt.ts';
import { cargo } from './cargoBuild.ts';
import { root } from './places.ts';
import type { ReleaseName } from './vscodeServer.ts';
import { wasmCompiler } from './wasmBox.ts';

export type Area = {
  readonly name: string;
  /** Patterns of mocha test files. */
  readonly files: readonly string[];
  /** How the files are run: by mocha, or by a script of their own that writes the same report. */
  readonly by: 'mocha' | 'vscode' | 'cargo' | 'check';
  readonly needs?: readonly Need[];
  /** Runs at the same time as the others, so that both processors have something to do. */
  readonly beside?: true;
  /** Who runs it: a daemon of a user's own is none of root's. */
  readonly as?: 'user';
  /** What is prepared for that user, who could not make it. */
  readonly gives?: readonly ('vendor disk' | 'editor')[];
  /** Guests that run from the image of the tests, which is made before anything has to hurry. */
  readonly guests?: 'from the image';
  /** The VS Code that runs its suites, and which of them, where that is not the newest and all. */
  readonly editor?: ReleaseName;
  readonly suites?: readonly string[];
  /** What its files are to know. */
  readonly env?: Readonly<Record<string, string>>;
};

const git = { program: 'git', packages: ['git'], why: 'worktrees' };
const bwrap = { program: 'bwrap', packages: ['bubblewrap'], why: 'the sandboxes of this machine' };
const ssh = { program: 'ssh', packages: ['openssh-client'], why: 'to connect to sandboxes' };
const rsync = { program: 'rsync', packages: ['rsync'], why: 'to copy into sandboxes' };
const sshd = { program: 'sshd', packages: ['openssh-server'], why: 'to compare with' };
const vim = { program: 'vim.tiny', packages: ['vim-tiny'], why: 'to try a full-screen program' };
/** A backend that suites over all of them leave to an area of its own, and that area's name for it. */
const EXCEPT = 'HEYVM_TEST_EXCEPT';
const ONLY = 'HEYVM_TEST_ONLY';

const dockerd = wanted('dockerd', ['docker.io'], 'containers');
const machines = [
  wanted('libvirtd', ['libvirt-daemon', 'libvirt-daemon-driver-qemu'], 'virtual machines'),
  wanted('virsh', ['libvirt-clients'], 'virtual machines'),
  wanted('qemu-system-x86_64', ['qemu-system-x86'], 'virtual machines'),
  wanted('qemu-img', ['qemu-utils'], 'disks of virtual machines'),
  wanted('genisoimage', ['genisoimage'], 'what vendors’ images are told at their first boot'),
];
const images = [
  wanted('mmdebstrap', ['mmdebstrap'], 'to make an image from a Debian mirror'),
  wanted('newuidmap', ['uidmap'], 'to make images without privileges'),
  wanted('mke2fs', ['e2fsprogs'], 'to make disks'),
  wanted('debugfs', ['e2fsprogs'], 'to look into disks'),
  wanted('zstd', ['zstd'], 'to pack disks'),
  wanted('depmod', ['kmod'], 'to order modules of kernels'),
  wanted('cpio', ['cpio'], 'to look into ramdisks'),
  wanted('qemu-img', ['qemu-utils'], 'to make disks'),
];
const vendors = [
  wanted('syslinux', ['syslinux', 'syslinux-common'], 'to make a disk that boots by itself'),
  wanted('mcopy', ['mtools'], 'to make a disk that boots by itself'),
  wanted('mkfs.vfat', ['dosfstools'], 'to make a disk that boots by itself'),
  wanted('sfdisk', ['fdisk'], 'to make a disk that boots by itself'),
];
const buildah = wanted('buildah', ['buildah'], 'to build images without an engine');
const busybox = wanted('busybox', ['busybox-static'], 'to fill images with programs that need no others');
const chromium = { program: 'chromium', packages: ['chromium'], why: 'to look at VS Code' };

/** In the order in which they run: the fast and the basic first. */
export const areas: readonly Area[] = [
  { name: 'check', files: [], by: 'check' },
  mocha('wire', [...images, ...machines]),
  {
    name: 'guest',
    files: [],
    by: 'cargo',
    needs: [cargo],
  },
  mocha('store', []),
  mocha('images', [...images, ...machines, dockerd, buildah, busybox]),
  { ...fromImage('contract', [bwrap, dockerd, ...images, ...wasmCompiler]), env: { [EXCEPT]: 'libvirt' } },
  { ...fromImage('isolation', [bwrap, dockerd, ...images]), env: { [EXCEPT]: 'libvirt' } },
  fromImage('docker', [dockerd, ...images, git]),
  {
    ...fromImage('libvirt', [
      bwrap,
      ...machines,
      ...images,
      ...vendors,
      wanted('xmllint', ['libxml2-utils'], 'to check descriptions of machines'),
      { ...sshd, without: 'go on' },
      ssh,
      git,
    ]),
    files: [
      'test/libvirt/**/*.test.ts',
      'test/contract/backends.test.ts',
      'test/isolation/everywhere/*.test.ts',
    ],
    as: 'user',
    beside: true,
    gives: ['vendor disk', 'editor'],
    env: { [ONLY]: 'libvirt' },
  },
  { ...fromImage('instant', [bwrap, ...machines, ...images]), as: 'user', beside: true },
  {
    ...fromImage('far', [
      bwrap,
      ...machines,
      ...images,
      { ...sshd, without: 'go on' },
      ssh,
      wanted('ip', ['iproute2'], 'to connect a second machine'),
    ]),
    beside: true,
  },
  { ...mocha('wasix', [bwrap, git, ssh, ...wasmCompiler]), beside: true },
  { ...mocha('wasip2', [...wasmCompiler]), beside: true },
  { ...mocha('worktrees', [bwrap, git]), beside: true },
  mocha('process', [bwrap, git]),
  mocha('cli', [bwrap, git]),
  mocha('agents', [bwrap, git]),
  mocha('ssh', [bwrap, git, ssh, sshd, rsync, vim]),
  fromImage('crash', [bwrap, git, dockerd, ...images]),
  mocha('package', [bwrap, git]),
  {
    name: 'vscode',
    files: ['test/vscode/index.ts'],
    by: 'vscode',
    needs: [bwrap, git, ssh, chromium, dockerd, ...images],
    guests: 'from the image',
  },
  {
    name: 'floor',
    files: ['test/vscode/index.ts'],
    by: 'vscode',
    needs: [bwrap, git, ssh, chromium],
    editor: 'lowest',
    suites: [
      ...['activation', 'commands', 'openBranch', 'tree', 'life', 'terminal', 'handOff'],
      ...['agents', 'ourFiles', 'configureAgent', 'doctor'],
    ],
  },
  mocha('ui', [bwrap, git, ssh, chromium]),
  fromImage('handoff', [bwrap, git, ssh, chromium, dockerd, ...images]),
];

/** What runs as part of `check`: everything that needs no sandbox and no program of the system. */
export const unitFiles = ['server/**/*.test.ts', 'extension/**/*.test.ts', 'test/protocol/**/*.test.ts'];

export function filesOf(patterns: readonly string[]): string[] {
  return globSync([...patterns], { cwd: root })
    .filter(path => !path.includes('node_modules') && existsSync(join(root, path)))
    .sort();
}

function wanted(program: string, packages: readonly string[], why: string): Need {
  return { program, packages, why, without: 'go on' };
}

function fromImage(name: string, needs: readonly Need[]): Area {
  return { ...mocha(name, needs), guests: 'from the image' };
}

function mocha(name: string, needs: readonly Need[]): Area {
  return { name, files: [`test/${name}/**/*.test.ts`], by: 'mocha', needs };
}
