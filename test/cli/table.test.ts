// The command table: complete, consistent, and the source of help, docs and completion.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import * as z from 'zod/mini';
import { frequent, makers, parts } from '../../server/bin/programs.ts';
import { globalFlags, parseArgs } from '../../server/cli/args.ts';
import { commands, findCommand, groups, splitCommand } from '../../server/cli/commands.ts';
import { completionScripts } from '../../server/cli/completion.ts';
import { renderDocs } from '../../server/cli/docs.ts';
import { commandHelp, flagUsage, overview } from '../../server/cli/help.ts';
import { BackendInfo } from '../../server/protocol/backend.ts';
import { ExecResult } from '../../server/protocol/exec.ts';
import { helperContract } from '../../server/protocol/helper.ts';
import { parse } from '../../server/protocol/parse.ts';
import { SandboxInfo } from '../../server/protocol/sandbox.ts';

const shown = commands.filter(command => command.hidden !== true);
const plain = (_style: string, text: string): string => text;

describe('the command table', () => {
  it('has the commands of this slice', () => {
    const promised = [
      'wt create list get start stop restart rm init up run exec sh logs cp fs ports forward',
      'pause resume suspend snapshot restore fork resize test-backend',
      'ssh-config ssh-listen ssh-proxy doctor support-bundle backends prune completion mcp version help',
    ];
    const images = 'list inspect build bootstrap pull add rm prune publish'.split(' ');
    const editor = ['editor check', 'editor open', 'editor prepare'];
    const all = [
      ...promised.flatMap(words => words.split(' ')),
      ...images.map(word => `images ${word}`),
      ...editor,
    ];
    assert.deepEqual(shown.map(command => command.name).sort(), all.sort());
  });

  it('has no name twice, and no flag twice in one command', () => {
    const names = commands.flatMap(command => [command.name, ...(command.aliases ?? [])]);
    assert.equal(new Set(names).size, names.length);
    for (const command of commands) {
      const flags = [...command.flags, ...globalFlags];
      const long = flags.flatMap(flag => [flag.name, ...(flag.aliases ?? [])]);
      const short = flags.flatMap(flag => (flag.short === undefined ? [] : [flag.short]));
      assert.equal(new Set(long).size, long.length, command.name);
      assert.equal(new Set(short).size, short.length, command.name);
    }
  });

  it('has a handler behind every entry', async () => {
    for (const command of commands) {
      const { run } = await command.load();
      assert.equal(typeof run, 'function', command.name);
    }
  });

  it('has every command that is started in a way of its own', () => {
    for (const name of [...Object.values(parts).flat(), ...frequent, ...makers])
      assert.equal(findCommand(name)?.name, name);
  });

  it('has examples that parse', () => {
    for (const command of shown) {
      assert.ok(command.examples.length > 0, command.name);
      for (const example of command.examples) {
        const words = wordsOf(example.command);
        const tokens = words.slice(words.indexOf('heyvm') + 1);
        const { name, rest } = splitCommand(tokens);
        assert.equal(findCommand(name), command, example.command);
        assert.doesNotThrow(() => parseArgs(command, rest), example.command);
      }
    }
  });

  const schemas: Readonly<Record<string, z.ZodMiniType>> = {
    wt: helperContract['worktree/open'].result,
    create: SandboxInfo,
    list: z.array(SandboxInfo),
    get: SandboxInfo,
    start: SandboxInfo,
    stop: SandboxInfo,
    restart: SandboxInfo,
    pause: SandboxInfo,
    resume: SandboxInfo,
    suspend: SandboxInfo,
    snapshot: helperContract['sandbox/snapshot'].result,
    restore: SandboxInfo,
    fork: helperContract['sandbox/fork'].result,
    resize: helperContract['sandbox/resize'].result,
    'test-backend': helperContract['backend/test'].result,
    exec: ExecResult,
    logs: helperContract['sandbox/log'].result,
    ports: helperContract['sandbox/ports'].result.shape.ports,
    'ssh-config': helperContract['ssh/install'].result,
    doctor: helperContract['doctor/run'].result,
    backends: z.array(BackendInfo),
    prune: helperContract['prune/run'].result,
    'images list': helperContract['image/list'].result.shape.images,
    'images inspect': helperContract['image/inspect'].result,
    'images build': helperContract['image/build'].result,
    'images bootstrap': helperContract['image/bootstrap'].result,
    'images pull': helperContract['image/pull'].result,
    'images add': helperContract['image/add'].result,
    'images prune': helperContract['image/prune'].result,
    'images publish': helperContract['image/publish'].result,
  };
  for (const [name, schema] of Object.entries(schemas)) {
    it(`shows an answer of ${name} that fits the protocol`, () => {
      const parsed = parse(schema, JSON.parse(JSON.stringify(findCommand(name)?.json)));
      assert.ok(parsed.ok, parsed.ok ? '' : parsed.problem);
    });
  }
});

describe('help', () => {
  it('lists every command with its summary', () => {
    const text = overview(groups, plain);
    for (const command of shown) assert.ok(text.includes(command.summary), command.name);
    assert.ok(!text.includes('__complete'));
  });

  for (const command of shown) {
    it(`of ${command.name} names its usage, arguments, flags and examples`, () => {
      const text = commandHelp(command, plain);
      assert.ok(text.startsWith(command.summary));
      for (const flag of [...command.flags, ...globalFlags])
        assert.ok(text.includes(flagUsage(flag)), flag.name);
      for (const argument of command.arguments) assert.ok(text.includes(argument.summary), argument.name);
      for (const example of command.examples) assert.ok(text.includes(example.command), example.command);
      const long = text.split('\n').filter(line => line.length > 140);
      assert.deepEqual(long, []);
    });
  }
});

describe('the command reference', () => {
  const docs = renderDocs();

  it('is the same every time and describes every command and exit code', () => {
    assert.equal(renderDocs(), docs);
    for (const command of shown) {
      assert.ok(docs.includes(`### heyvm ${command.name}\n`), command.name);
      for (const flag of command.flags) assert.ok(docs.includes(`\`${flagUsage(flag)}\``), flag.name);
    }
    for (const exit of ['2', '3', '4', '5', '6', '7', '130', '125', '127']) assert.ok(docs.includes(exit));
    assert.ok(!docs.includes('__complete'));
  });

  it('has only JSON that parses', () => {
    const blocks = [...docs.matchAll(/```json\n([\s\S]*?)\n```/g)].map(match => match[1] ?? '');
    assert.ok(blocks.length > 10);
    for (const block of blocks) JSON.parse(block);
  });
});

describe('completion', () => {
  it('of bash offers commands, flags, choices and places', () => {
    assert.deepEqual(bashWords('heyvm', 'rest').sort(), ['restart', 'restore']);
    assert.ok(bashWords('heyvm', 'wt', '--').includes('--detach'));
    assert.deepEqual(bashWords('heyvm', 'wt', '--network', ''), ['none', 'allowlist', 'open']);
    assert.deepEqual(bashWords('heyvm', 'completion', ''), ['bash', 'zsh', 'fish']);
    assert.deepEqual(bashWords('heyvm', 'fs', 'm'), ['mkdir', 'mv']);
    assert.deepEqual(bashWords('heyvm', 'get', ''), ['from-heyvm-sandbox']);
    assert.deepEqual(bashWords('heyvm', 'rm', 'one', ''), ['from-heyvm-sandbox']);
    assert.deepEqual(bashWords('heyvm', 'wt', ''), ['from-heyvm-branch']);
    assert.deepEqual(bashWords('heyvm', 'create', '--backend', ''), ['from-heyvm-backend']);
    assert.deepEqual(bashWords('heyvm', 'ima'), ['images']);
    assert.deepEqual(bashWords('heyvm', 'images', 'p'), ['pull', 'prune', 'publish']);
    assert.deepEqual(bashWords('heyvm', 'images', 'inspect', ''), ['from-heyvm-image']);
    assert.deepEqual(bashWords('heyvm', 'images', 'rm', 'one', ''), ['from-heyvm-image']);
    assert.deepEqual(bashWords('heyvm', 'images', 'pull', 'u'), ['ubuntu:24.04']);
    assert.ok(bashWords('heyvm', 'images', 'build', '--').includes('--size-mb'));
  });

  it('of every shell names every command and every flag', () => {
    for (const [shell, render] of Object.entries(completionScripts)) {
      const script = render?.(shown) ?? '';
      for (const command of shown) {
        for (const word of command.name.split(' ')) {
          assert.match(script, new RegExp(`\\b${word}\\b`), `${shell}: ${command.name}`);
        }
        for (const flag of command.flags) assert.ok(script.includes(flag.name), `${shell}: ${flag.name}`);
      }
    }
  });
});

/** What bash would offer for the last word, with a stand-in for the program that the script asks. */
function bashWords(...words: string[]): string[] {
  const script = completionScripts['bash']?.(shown) ?? '';
  const program = `
    heyvm() { echo "from-heyvm-$2"; }
    ${script}
    COMP_WORDS=(${words.map(word => `'${word}'`).join(' ')})
    COMP_CWORD=${words.length - 1}
    _heyvm
    printf '%s\\n' "\${COMPREPLY[@]}"
  `;
  const text = execFileSync('bash', ['--norc', '-c', program], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return text.split('\n').filter(line => line !== '');
}

/** Words of a command line as a shell would split them; the part before a pipe belongs to another program. */
function wordsOf(line: string): string[] {
  const own = line
    .slice(line.indexOf('heyvm'))
    .replace(/\s+[>|]\s.*$/, '')
    .replace(/\)$/, '')
    .replace(/' dev@sandbox$/, '');
  return [...own.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(match => match[1] ?? match[2] ?? match[3] ?? '');
}
