// The owner of one sandbox: `owner.cjs __sandbox_owner <id>`.
import { runOwner } from '../owner/main.ts';
import { pathsOf } from '../store/paths.ts';

const [command, id] = process.argv.slice(2);
if (command !== '__sandbox_owner' || id === undefined) {
  process.stderr.write('usage: owner __sandbox_owner <id>; started by heyvm, not by hand\n');
  process.exit(2);
}
runOwner(pathsOf(process.env), id).then(
  status => process.exit(status),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
