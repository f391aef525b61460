// heyvm __complete: prints the words that completion scripts cannot know by themselves, one on each line.
import type { Context } from '../command.ts';
import { printable } from '../output.ts';

export async function run(context: Context): Promise<undefined> {
  try {
    const words = await wordsOf(context);
    if (words.length > 0) await context.out.write(`${words.map(printable).join('\n')}\n`);
  } catch {
    // Completion offers nothing where something is wrong; the command itself will say what.
  }
}

async function wordsOf({ args, call, cwd }: Context): Promise<readonly string[]> {
  switch (args.argument('kind')) {
    case 'sandbox':
      return (await call('sandbox/list', {})).sandboxes.map(sandbox => sandbox.name);
    case 'branch':
      return (await call('worktree/branches', { cwd })).branches.map(branch => branch.name);
    case 'backend':
      return (await call('backend/list', { probe: false })).backends.map(backend => backend.id);
    case 'image':
      return (await call('image/list', {})).images.map(image => image.name);
    case 'preset': {
      const { allPresets } = await import('../../service/presets.ts');
      return (await allPresets()).map(preset => preset.name);
    }
    default:
      return [];
  }
}
