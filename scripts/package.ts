// Makes the VSIX files and prints what is in them.
import { buildAll } from './build.ts';
import { main, say } from './lib/say.ts';
import { pack, targets } from './lib/vsix.ts';

await main(async () => {
  await buildAll();
  for (const target of targets) {
    const packed = await pack(target);
    say(`\n${packed.path}`);
    for (const { path, bytes } of packed.files) say(`  ${kilobytes(bytes).padStart(9)}  ${path}`);
    say(`  ${kilobytes(packed.bytes).padStart(9)}  in all, packed, for ${target}`);
  }
  return 0;
});

function kilobytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} kB`;
}
