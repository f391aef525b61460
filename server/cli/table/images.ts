// Commands about images: what sandboxes run from.
import type { Argument, Command } from '../command.ts';

const imageArgument: Argument = {
  name: 'image',
  summary: 'the name of an image',
  presence: 'required',
  complete: 'image',
};

const digest = `sha256:${'0a1b2c3d'.repeat(8)}`;

const imageExample = {
  name: 'my-base',
  digest,
  source: { kind: 'build', from: '/home/me/project/Dockerfile' },
  os: { id: 'debian', version: '12', libc: 'glibc' },
  arch: 'x64',
  runtimes: ['shell', 'python'],
  init: 'heyvm',
  config: { env: { PATH: '/usr/bin:/bin' }, workdir: '/workspace', entrypoint: [], cmd: ['/bin/bash'] },
  bytes: 314_572_800,
  backends: ['docker', 'libvirt'],
  created_at: '2026-01-01T12:00:00.000Z',
  used_by: ['wt-feature-x'],
};

const list: Command = {
  name: 'images list',
  aliases: ['images', 'images ls'],
  summary: 'List the images, what runs them and who uses them',
  details: [
    'One name space for all backends. A name that is not here can still be given to a container engine, which fetches it by itself; the known bases are downloaded when a machine needs them.',
    'All commands about images: heyvm help images.',
  ],
  arguments: [],
  flags: [],
  examples: [{ command: 'heyvm images list', about: 'the table' }],
  json: [imageExample],
  load: () => import('../handlers/images/listing.ts'),
};

const inspect: Command = {
  name: 'images inspect',
  aliases: ['images show'],
  summary: 'Show one image, and check its files against their digests',
  details: ['The exit code is 1 when a file is broken.'],
  arguments: [imageArgument],
  flags: [],
  examples: [
    { command: 'heyvm images inspect debian:12', about: 'where its files are, and whether they are whole' },
  ],
  json: {
    image: imageExample,
    files: [
      {
        role: 'rootfs',
        path: '/home/me/.heyo/images/blobs/sha256-0a1b2c3d',
        bytes: 314_572_800,
        digest,
        intact: true,
      },
    ],
  },
  load: () => import('../handlers/images/inspect.ts'),
};

const build: Command = {
  name: 'images build',
  summary: 'Build an image from a Dockerfile',
  details: [
    'With buildx, the engine or buildah, whichever is there, and without root. The variables of the Dockerfile hold in every sandbox; its user, folder and command are kept and shown by inspect, while programs of a sandbox run as the owner of the workspace, in /workspace. Unchanged input answers at once.',
  ],
  arguments: [],
  flags: [
    { kind: 'string', name: 'name', short: 'n', value: 'NAME', summary: 'the name of the image' },
    {
      kind: 'string',
      name: 'file',
      short: 'f',
      value: 'PATH',
      complete: 'file',
      summary: 'the Dockerfile; CONTEXT/Dockerfile when left out',
    },
    {
      kind: 'string',
      name: 'context',
      value: 'FOLDER',
      complete: 'file',
      summary: 'what the Dockerfile can copy from; the current folder when left out',
    },
    {
      kind: 'string',
      name: 'size-mb',
      value: 'MIB',
      summary: 'the size of its disk, or auto for as much as it needs',
    },
    {
      kind: 'string',
      name: 'backend',
      aliases: ['backend-type'],
      value: 'ID',
      complete: 'backend',
      summary: 'also make what this backend needs',
    },
    {
      kind: 'list',
      name: 'build-arg',
      value: 'NAME=VALUE',
      summary: 'an ARG of the Dockerfile; may be repeated',
    },
    { kind: 'string', name: 'target', value: 'STAGE', summary: 'a stage of it in the place of the last' },
  ],
  examples: [
    { command: 'heyvm images build --name my-base', about: 'from ./Dockerfile' },
    {
      command: 'heyvm images build -f docker/dev.Dockerfile --context . --name dev --size-mb auto',
      about: 'all of it',
    },
  ],
  json: { image: imageExample, cached: false },
  load: () => import('../handlers/images/build.ts'),
};

const bootstrap: Command = {
  name: 'images bootstrap',
  summary: 'Make a base image from the packages of a distribution',
  details: ['Needs a mirror of the distribution and mmdebstrap, and neither root nor a container engine.'],
  arguments: [{ name: 'base', summary: 'such as debian:12', presence: 'required', complete: ['debian:12'] }],
  flags: [
    {
      kind: 'string',
      name: 'name',
      short: 'n',
      value: 'NAME',
      summary: 'another name than that of the base',
    },
    {
      kind: 'string',
      name: 'mirror',
      value: 'URL',
      summary: 'where packages come from, instead of what this machine uses',
    },
    { kind: 'list', name: 'include', value: 'PACKAGE', summary: 'a package more; may be repeated' },
  ],
  examples: [
    { command: 'heyvm images bootstrap debian:12', about: 'boots as a machine and runs in containers' },
    {
      command: 'heyvm images bootstrap debian:12 --name tools --include ripgrep --include jq',
      about: 'with more in it',
    },
  ],
  json: { image: imageExample, cached: false },
  load: () => import('../handlers/images/bootstrap.ts'),
};

const pull: Command = {
  name: 'images pull',
  summary: 'Download a known base image and check it against its vendor’s checksums',
  details: [
    'Looks first where libvirt keeps disks. An interrupted download goes on where it stopped. Mirrors, proxies and bases of your own: images in the settings, and the usual variables of the environment.',
  ],
  arguments: [
    {
      name: 'base',
      summary: 'ubuntu:24.04, debian:12, alpine:3.23 or one of the settings',
      presence: 'required',
      complete: ['ubuntu:24.04', 'debian:12', 'alpine:3.23'],
    },
  ],
  flags: [],
  examples: [
    { command: 'heyvm images pull ubuntu:24.04', about: 'otherwise done by the first sandbox that needs it' },
  ],
  json: {
    image: { ...imageExample, name: 'ubuntu:24.04', init: 'cloud-init', backends: ['libvirt'] },
    cached: false,
  },
  load: () => import('../handlers/images/pull.ts'),
};

const add: Command = {
  name: 'images add',
  summary: 'Take a root file system, a disk, an OCI archive or WebAssembly as an image',
  details: [
    'A tar of a root file system and archives of container images fit every backend with images; a qcow2 or raw disk boots as a machine; a .wasm or .webc runs where programs of WebAssembly do. gzip, zstd and xz are undone. A disk has to be whole in itself.',
  ],
  arguments: [
    {
      name: 'file',
      summary: 'a tar, a disk, an archive of docker save, a .wasm or a .webc',
      presence: 'required',
      complete: 'file',
    },
    { name: 'name', summary: 'the name of the image', presence: 'required' },
  ],
  flags: [
    {
      kind: 'string',
      name: 'kernel',
      value: 'PATH',
      complete: 'file',
      summary: 'for a disk that does not boot by itself',
    },
    {
      kind: 'string',
      name: 'initrd',
      value: 'PATH',
      complete: 'file',
      summary: 'the ramdisk that goes with the kernel',
    },
  ],
  examples: [
    { command: 'heyvm images add rootfs.tar.zst my-base', about: 'a root file system' },
    { command: 'heyvm images add server.qcow2 server:2', about: 'a disk' },
  ],
  json: { image: imageExample },
  load: () => import('../handlers/images/add.ts'),
};

const rm: Command = {
  name: 'images rm',
  aliases: ['images remove'],
  summary: 'Remove images',
  details: [
    'Refuses while a sandbox uses one. With --force the name goes, and the files stay until that sandbox is removed.',
  ],
  arguments: [{ ...imageArgument, presence: 'many' }],
  flags: [
    { kind: 'flag', name: 'yes', short: 'y', summary: 'do not ask' },
    { kind: 'flag', name: 'force', short: 'f', summary: 'also when a sandbox uses it' },
  ],
  examples: [{ command: 'heyvm images rm -y my-base', about: 'does not ask' }],
  json: { removed: [{ name: 'my-base', freed: 314_572_800 }] },
  load: () => import('../handlers/images/rm.ts'),
};

const prune: Command = {
  name: 'images prune',
  summary: 'Remove files of no image, unfinished downloads and, when asked, unused images',
  details: ['Shows first and asks. What a sandbox runs from stays.'],
  arguments: [],
  flags: [
    { kind: 'flag', name: 'dry-run', summary: 'only show what would go' },
    { kind: 'flag', name: 'unused', summary: 'also images from which no sandbox was made' },
    { kind: 'flag', name: 'yes', short: 'y', summary: 'do not ask' },
  ],
  examples: [
    { command: 'heyvm images prune --unused --dry-run', about: 'what would go, and how much room it takes' },
  ],
  json: {
    removed: [
      { what: 'file of no image', path: '/home/me/.heyo/images/blobs/sha256-0a1b2c3d', bytes: 1_048_576 },
    ],
    dry_run: false,
  },
  load: () => import('../handlers/images/prune.ts'),
};

const publish: Command = {
  name: 'images publish',
  summary: 'Write an image as an OCI archive, or push it to a registry',
  details: ['Credentials are those of docker login. What the registry has already is not sent again.'],
  arguments: [
    imageArgument,
    {
      name: 'to',
      summary: 'oci-archive:<path>, a path, or docker://<registry>/<name>:<tag>',
      presence: 'required',
      complete: 'file',
    },
  ],
  flags: [],
  examples: [
    {
      command: 'heyvm images publish my-base oci-archive:my-base.tar',
      about: 'for docker load, podman load and skopeo',
    },
    {
      command: 'heyvm images publish my-base docker://registry.example.com/team/my-base:1',
      about: 'into a registry',
    },
  ],
  json: { to: '/home/me/my-base.tar', digest, bytes: 314_572_800 },
  load: () => import('../handlers/images/publish.ts'),
};

export const imageCommands: readonly Command[] = [
  list,
  inspect,
  build,
  bootstrap,
  pull,
  add,
  rm,
  prune,
  publish,
];
