// The owner of one sandbox: `owner.cjs __sandbox_owner`, which is told over a pipe what it owns.
import './ahead.ts';
import { runOwner } from '../owner/main.ts';
import { openStartPipe } from '../owner/startPipe.ts';
import { pathsOf } from '../store/paths.ts';

const pipe = process.argv[2] === '__sandbox_owner' ? openStartPipe() : undefined;
if (pipe === undefined) {
  process.stderr.write('usage: owner __sandbox_owner; started by heyvm, not by hand\n');
  process.exit(2);
}
runOwner(pathsOf(process.env), pipe).then(
  status => process.exit(status),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
