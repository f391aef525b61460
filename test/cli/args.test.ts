// The parser of the command line, table by table.
import { strict as assert } from 'node:assert';
import { parseArgs, wantsJson } from '../../server/cli/args.ts';
import type { Command } from '../../server/cli/command.ts';
import { findCommand } from '../../server/cli/commands.ts';
import { placeOf } from '../../server/copy/place.ts';
import { SandboxError } from '../../server/core/errors.ts';
import { readDuration, readSize } from '../../server/core/values.ts';

const exec = commandNamed('exec');
const wt = commandNamed('wt');

describe('arguments', () => {
  const guestArgv: readonly (readonly [string[], string[]])[] = [
    [
      ['box', '--', 'ls', '-la'],
      ['ls', '-la'],
    ],
    [
      ['box', 'ls', '-la'],
      ['ls', '-la'],
    ],
    [
      ['--cwd', '/tmp', 'box', 'ls', '--help'],
      ['ls', '--help'],
    ],
    [
      ['box', '--cwd', '/tmp', '--', 'ls', '--format', 'json'],
      ['ls', '--format', 'json'],
    ],
    [
      ['box', '--', '--', 'x'],
      ['--', 'x'],
    ],
    [
      ['box', 'sh', '-c', 'a --', '--', 'b'],
      ['sh', '-c', 'a --', '--', 'b'],
    ],
    [['--', 'box', 'true'], ['true']],
    [['box', '--', '-weird'], ['-weird']],
    [
      ['box', 'printf', ''],
      ['printf', ''],
    ],
  ];
  for (const [tokens, argv] of guestArgv) {
    it(`exec ${tokens.join(' ')} runs ${JSON.stringify(argv)}`, () => {
      const args = parseArgs(exec, tokens);
      assert.equal(args.argument('sandbox'), 'box');
      assert.deepEqual(args.rest('program'), argv);
    });
  }

  it('flags take values behind a blank, behind =, joined to one letter, and repeatedly', () => {
    const args = parseArgs(exec, [
      '-e',
      'A=1',
      '--env=B=2=3',
      '-eC=',
      '--timeout=1.5m',
      '-ti',
      'box',
      'true',
    ]);
    assert.deepEqual(args.list('env'), ['A=1', 'B=2=3', 'C=']);
    assert.equal(args.number('timeout'), 90_000);
    assert.equal(args.flag('tty'), true);
    assert.equal(args.string('cwd'), undefined);
  });

  it('aliases of flags mean the same, and the last value of a flag counts', () => {
    const args = parseArgs(wt, ['--backend-type', 'one', '--backend', 'two', 'topic', '--memory', '1.5g']);
    assert.equal(args.string('backend'), 'two');
    assert.equal(args.number('memory'), 1.5 * 1024 ** 3);
    assert.equal(args.optional('branch'), 'topic');
  });

  const refused: readonly (readonly [Command, string[], RegExp, RegExp])[] = [
    [wt, ['--detatch', 'x'], /wt has no flag --detatch/, /did you mean --detach\?/],
    [wt, ['-Z', 'x'], /wt has no flag -Z/, /--help/],
    [wt, ['a', 'b'], /wt takes no argument "b"/, /--help/],
    [wt, ['--path'], /--path needs a value/, /--help/],
    [wt, ['--detach=yes', 'x'], /--detach takes no value/, /--help/],
    [wt, ['--network', 'some', 'x'], /must be one of none, allowlist, open/, /--help/],
    [wt, ['--pids', '1.5', 'x'], /must be a whole number of at least 1/, /--help/],
    [wt, ['--cpus', '-1', 'x'], /must be a number of at least/, /--help/],
    [wt, ['--memory', 'lots', 'x'], /must be a size/, /--help/],
    [exec, ['--timeout', 'soon', 'box', 'true'], /must be a duration/, /--help/],
    [exec, ['box'], /needs <program>/, /for example: heyvm exec/],
    [exec, [], /needs <sandbox>/, /for example/],
    [commandNamed('rm'), [], /needs <sandbox>/, /for example/],
  ];
  for (const [command, tokens, message, hint] of refused) {
    it(`refuses ${command.name} ${tokens.join(' ')}`, () => {
      const error = caught(() => parseArgs(command, tokens));
      assert.equal(error.code, 'usage');
      assert.match(error.message, message);
      assert.match(error.hint ?? '', hint);
    });
  }

  it('help is answered without the arguments that are needed otherwise', () => {
    assert.equal(parseArgs(exec, ['--help']).flag('help'), true);
    assert.equal(parseArgs(exec, ['-h', 'box']).flag('help'), true);
  });

  it('asking for a flag that is not declared is a defect and not a silent no', () => {
    const args = parseArgs(exec, ['box', 'true']);
    assert.equal(caught(() => args.flag('nonsense')).code, 'internal');
    assert.equal(caught(() => args.string('env')).code, 'internal');
    assert.equal(caught(() => args.argument('nonsense')).code, 'internal');
  });

  it('json is recognised before parsing, but not behind --', () => {
    assert.equal(wantsJson(['get', '--format', 'json']), true);
    assert.equal(wantsJson(['get', '--format=json']), true);
    assert.equal(wantsJson(['exec', 'box', '--', 'x', '--format=json']), false);
    assert.equal(wantsJson(['--format', 'text']), false);
  });
});

describe('values of flags', () => {
  const durations = {
    '90': 90_000,
    '10s': 10_000,
    '250ms': 250,
    '1.5m': 90_000,
    '1h30m': 5_400_000,
    '2d': 172_800_000,
  };
  for (const [text, ms] of Object.entries(durations)) {
    it(`${text} is ${ms} ms`, () => assert.equal(readDuration(text), ms));
  }
  for (const text of ['', 's', '-1s', '1 s', '1s2', 'one', '1sm']) {
    it(`${JSON.stringify(text)} is no duration`, () => assert.equal(readDuration(text), undefined));
  }
  const sizes = {
    '1048576': 1_048_576,
    '512m': 536_870_912,
    '2g': 2_147_483_648,
    '1.5GiB': 1_610_612_736,
    '4kb': 4096,
  };
  for (const [text, bytes] of Object.entries(sizes)) {
    it(`${text} is ${bytes} bytes`, () => assert.equal(readSize(text), bytes));
  }
  for (const text of ['', 'g', '-1g', '1x', 'NaN', '1gg']) {
    it(`${JSON.stringify(text)} is no size`, () => assert.equal(readSize(text), undefined));
  }
});

describe('places of files', () => {
  const guest = {
    'box:a.txt': '/workspace/a.txt',
    'box:': '/workspace',
    'box:/etc/../tmp/': '/tmp',
    'box:../..': '/',
  };
  for (const [text, path] of Object.entries(guest)) {
    it(`${text} is ${path} in a sandbox`, () => {
      const place = placeOf(text);
      assert.equal(place.kind, 'guest');
      assert.equal(place.path, path);
    });
  }
  for (const text of ['a.txt', './box:a', '/x/box:a', 'c:\\x', 'c:/x', '.', 'Box:x']) {
    it(`${text} is here`, () => assert.deepEqual([placeOf(text).kind, placeOf(text).path], ['host', text]));
  }
});

function commandNamed(name: string): Command {
  const command = findCommand(name);
  assert.ok(command, name);
  return command;
}

function caught(act: () => unknown): SandboxError {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof SandboxError, String(error));
    return error;
  }
  return assert.fail('nothing was refused');
}
