import { strict as assert } from 'node:assert';
import { parseProject, problemLine } from './parse.ts';

const WHOLE = `# what the project needs
name: shop
backend: docker
image:
  dockerfile: Dockerfile
  arguments: { NODE: "24" }
runtime: node
type: code
network: none
env:
  PORT: "3000"
ports: [3000, "8080:80", { guest: 5432 }]
mounts:
  - { source: ./data, target: /data }
limits: { cpus: 1.5, memory: 2g, pids: 200, wall: 1h, disk: 1048576 }
ttl: 8h
setup:
  - npm ci
  - [npm, run, build]
command: npm start
ready: { port: 3000, path: /health, timeout: 90s }
`;

/** As `line:column-line:column message; hint`. */
function problemsOf(text: string): string[] {
  const parsed = parseProject(text);
  if (parsed.ok) return [];
  return parsed.problems.map(({ message, hint, start, end }) => {
    const place = `${start.line}:${start.column}-${end.line}:${end.column}`;
    return `${place} ${message}${hint === undefined ? '' : `; ${hint}`}`;
  });
}

describe('a project file', () => {
  it('is understood with everything in it, and when it is empty', () => {
    const parsed = parseProject(WHOLE);
    assert.ok(parsed.ok, JSON.stringify(problemsOf(WHOLE)));
    assert.deepEqual(parsed.file.image, {
      dockerfile: 'Dockerfile',
      context: '.',
      arguments: { NODE: '24' },
    });
    assert.deepEqual(parsed.file.mounts, [{ source: './data', target: '/data', mode: 'ro' }]);
    assert.deepEqual(parseProject(''), { ok: true, file: {} });
    assert.deepEqual(parseProject('# nothing yet\n'), { ok: true, file: {} });
  });

  const wrong: readonly (readonly [what: string, text: string, problems: readonly string[]])[] = [
    ['an unknown key', 'nam: x\n', ['1:1-1:4 unknown key nam; did you mean name?']],
    [
      'an unknown key inside',
      'limits:\n  cpus: 1\n  memori: 2g\n',
      ['3:3-3:9 unknown key memori in limits; did you mean memory?'],
    ],
    [
      'an unknown key in a list',
      'mounts:\n  - source: .\n    target: /x\n    mod: rw\n',
      ['4:5-4:8 unknown key mod in mounts.0; did you mean mode?'],
    ],
    [
      'an unknown key in one of several shapes',
      'image:\n  dockrfile: D\n',
      ['2:3-2:12 unknown key dockrfile in image; did you mean dockerfile?'],
    ],
    [
      'a wrong word',
      'name: a\nnetwork: yes\n',
      ['2:10-2:13 network: Invalid option: expected one of "none"|"allowlist"|"open"'],
    ],
    [
      'a wrong size',
      'limits:\n  memory: lots\n',
      ['2:11-2:15 limits.memory: must be a size such as 512m or 2g'],
    ],
    ['a wrong duration', 'ttl: 3 weeks\n', ['1:6-1:13 ttl: must be a duration such as 30s, 5m or 1h30m']],
    ['a wrong port', 'ports: [http]\n', ['1:9-1:13 ports.0: must be GUEST or HOST:GUEST']],
    [
      'a missing key',
      'mounts: [{ source: . }]\n',
      ['1:10-1:23 mounts.0.target: Invalid input: expected string, received undefined'],
    ],
    [
      'a reference',
      'env: &e { A: b }\nlimits: *e\n',
      ['1:9-1:17 anchors (&) are not understood here', '2:9-2:11 references (*) are not understood here'],
    ],
    ['a tag', 'name: !!binary aGk=\n', ['1:16-1:20 tags (!) are not understood here']],
    ['a list', '- a\n', ['1:1-2:1 Invalid input: expected object, received array']],
  ];
  for (const [what, text, problems] of wrong) {
    it(`says of ${what} what it is and where`, () => assert.deepEqual(problemsOf(text), problems));
  }

  it('says where it is no YAML, and where a key stands twice', () => {
    assert.match(problemsOf('name: a\n  b: c\n')[0] ?? '', /^[12]:\d+/);
    assert.match(problemsOf('name: a\nname: b\n')[0] ?? '', /^2:1-.* keys must be unique/i);
  });

  it('is refused when it means more than it says, or is no description at all', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'.split('').map((name, index) => {
        const before = 'abcdefgh'[index];
        return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(',')}]`;
      }),
    ].join('\n');
    assert.ok(!parseProject(bomb).ok);
    assert.ok(!parseProject(`name: ${'x'.repeat(300_000)}`).ok);
    const parsed = parseProject('__proto__: { polluted: true }\n');
    assert.ok(!parsed.ok);
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  });

  it('has its problems printed as compilers print them', () => {
    const parsed = parseProject('a: 1\n');
    assert.ok(!parsed.ok);
    assert.match(
      problemLine('x.yaml', parsed.problems[0] ?? assert.fail()),
      /^x\.yaml:1:1: unknown key a; known are: name, /,
    );
  });
});
