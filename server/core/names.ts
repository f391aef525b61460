// Names for sandboxes that nobody named.

const qualities =
  'amber brave brisk calm clear crisp eager fair fleet fresh glad keen light lucid merry mild neat quick quiet ready sharp sleek smart snug solid spry steady sunny swift tidy vivid warm'.split(
    ' ',
  );
const things =
  'alder aspen badger beacon birch brook cedar comet coral crane delta ember falcon fern finch harbor hazel heron lark linden maple meadow otter pebble pine raven reef robin sparrow spruce willow wren'.split(
    ' ',
  );

/** `random` gives a whole number below its argument; `taken` knows the names in use. */
export function suggestName(random: (below: number) => number, taken: ReadonlySet<string>): string {
  for (let attempt = 0; attempt < 16; attempt += 1) {
    const name = `${qualities[random(qualities.length)]}-${things[random(things.length)]}`;
    if (!taken.has(name)) return name;
  }
  for (;;) {
    const name = `sandbox-${random(0x1_0000_0000).toString(16).padStart(8, '0')}`;
    if (!taken.has(name)) return name;
  }
}

/** For clients that cannot run a ProxyCommand; no name of a sandbox gives an alias of this form. */
export function directAliasOf(name: string): string {
  return `direct.${aliasOf(name)}`;
}

/** How OpenSSH knows a sandbox. */
export function aliasOf(name: string): string {
  return `heyvm-${name}`;
}
