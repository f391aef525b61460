// Before anything else of an owner is loaded: the program in which its guest will probably run begins to load as well.
import { beginAhead } from '../platform/ahead.ts';

const [, , mark, name, ...flags] = process.argv;
if (mark === '__sandbox_owner' && name !== undefined) beginAhead({ name, flags });
