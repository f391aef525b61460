import { strict as assert } from 'node:assert';
import { clients } from './clients.ts';
import { editConfig } from './edit.ts';

const start = { command: '/home/me/.heyo/bin/heyvm', args: ['mcp'] };
const json = { at: clients.project.at, entry: clients.project.entry(start) };
const toml = { at: clients.codex.at, entry: clients.codex.entry(start) };

function edited(form: 'json' | 'toml', text: string | undefined): string {
  const done = editConfig(form, text, form === 'json' ? json : toml);
  assert.ok(done.kind === 'edited', JSON.stringify(done));
  // Once more changes nothing.
  assert.deepEqual(editConfig(form, done.text, form === 'json' ? json : toml), done);
  return done.text;
}

function refusal(form: 'json' | 'toml', text: string): string {
  const done = editConfig(form, text, form === 'json' ? json : toml);
  assert.equal(done.kind, 'refused', JSON.stringify(done));
  return done.kind === 'refused' ? done.why : '';
}

const ENTRY_JSON = `{
      "command": "/home/me/.heyo/bin/heyvm",
      "args": [
        "mcp"
      ]
    }`;
const ENTRY_TOML = `[mcp_servers.heyvm]
command = "/home/me/.heyo/bin/heyvm"
args = [ "mcp" ]
`;

describe("the entry in a client's JSON", () => {
  it('is a new file, or stands beside what is there', () => {
    const fresh = `{\n  "mcpServers": {\n    "heyvm": ${ENTRY_JSON}\n  }\n}\n`;
    assert.equal(edited('json', undefined), fresh);
    assert.equal(edited('json', '\n'), fresh);
    assert.equal(
      edited('json', '{\n  "mcpServers": {\n    "other": {"a":[1],\n    }\n  },\n  "more": [1,2]\n}\n'),
      `{\n  "mcpServers": {\n    "other": {"a":[1],\n    },\n    "heyvm": ${ENTRY_JSON}\n  },\n  "more": [1,2]\n}\n`,
    );
  });

  it('keeps comments, tabs, line ends and a byte order mark', () => {
    const text = '\u{feff}{\r\n\t// mine\r\n\t"a": 1, /* why */\r\n\t"mcpServers": {}\r\n}\r\n';
    const done = edited('json', text);
    for (const part of [
      '\u{feff}{\r\n\t// mine\r\n\t"a": 1, /* why */\r\n',
      '\t\t"heyvm": {\r\n\t\t\t"command"',
    ])
      assert.ok(done.includes(part), JSON.stringify(done));
    assert.ok(!/[^\r]\n/.test(done), JSON.stringify(done));
  });

  it('is brought up to date, with what somebody added to it', () => {
    const old = '{ "mcpServers": { "heyvm": { "command": "old", "args": [], "env": { "A": "b" } } } }';
    assert.deepEqual(JSON.parse(edited('json', old)), {
      mcpServers: { heyvm: { ...start, env: { A: 'b' } } },
    });
  });

  it('is refused where the file is broken or means something else', () => {
    assert.match(refusal('json', '{ "a": }'), /no JSON: line 1/);
    assert.match(refusal('json', '{ "a": 1, "a": 2 }'), /stands twice/);
    for (const text of ['[]', '1', '{ "mcpServers": [] }', '{ "mcpServers": { "heyvm": "x" } }'])
      assert.match(refusal('json', text), /something else/);
  });
});

describe("the entry in a client's TOML", () => {
  const other =
    '# mine\nmodel = "x" # the good one\nday = 2026-01-02\n\n[mcp_servers.other]\ncommand = "y"\n';

  it('is a new file, or a table at the end', () => {
    assert.equal(edited('toml', undefined), ENTRY_TOML);
    assert.equal(edited('toml', other), `${other}\n${ENTRY_TOML}`);
    assert.equal(edited('toml', other.trimEnd()), `${other}\n${ENTRY_TOML}`);
  });

  it('is brought up to date where it stands, and everything around it stays', () => {
    const old = '[mcp_servers.heyvm] # ours\ncommand = "old"\nargs = [\n  "mcp",\n]\nenabled = false\n';
    const below = '\n# about the next\n[mcp_servers.heyvm.env]\nA = "b"\n\n[last]\nb = [[1], [2]]\n';
    const done = edited('toml', other + old + below);
    assert.equal(done, `${other}${ENTRY_TOML.trimEnd()}\nenabled = false\n${below}`);
  });

  it('keeps line ends', () => {
    const done = edited('toml', 'a = 1\r\n');
    assert.equal(done, `a = 1\r\n\r\n${ENTRY_TOML.replaceAll('\n', '\r\n')}`);
  });

  it('is refused where the file is broken or has it in another form', () => {
    assert.match(refusal('toml', 'a = \n'), /no TOML: line 1/);
    assert.match(refusal('toml', 'mcp_servers = 1\n'), /something else/);
    assert.match(refusal('toml', 'mcp_servers = { other = { command = "x" } }\n'), /in a form/);
    assert.match(refusal('toml', '[mcp_servers]\nheyvm = { command = "old" }\n'), /in a form/);
  });
});
