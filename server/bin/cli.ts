// The command line's entry point.
import { main } from '../cli/main.ts';

void main(process.argv.slice(2), process.env, globalThis.heyvmOwner).then(code => process.exit(code));
