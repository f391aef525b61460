// The owner of one sandbox: `owner.cjs __sandbox_owner <id>`, with `attach` behind it for one whose guest runs already.
import { runOwner } from '../owner/main.ts';
import { pathsOf } from '../store/paths.ts';

const [command, id, mode = 'start'] = process.argv.slice(2);
if (command !== '__sandbox_owner' || id === undefined || (mode !== 'start' && mode !== 'attach')) {
  process.stderr.write('usage: owner __sandbox_owner <id> [attach]; started by heyvm, not by hand\n');
  process.exit(2);
}
runOwner(pathsOf(process.env), id, mode).then(
  status => process.exit(status),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
