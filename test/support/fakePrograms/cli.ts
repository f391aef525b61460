// The real cli with the external fakes among its backends.
import './add.ts';
import '../../../server/bin/cli.ts';
