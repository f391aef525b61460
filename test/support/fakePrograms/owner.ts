// The real owner with the external fakes among its backends.
import './add.ts';
import '../../../server/bin/owner.ts';
