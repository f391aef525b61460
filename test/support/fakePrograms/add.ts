// For bundles: the fakes are among the backends before anything of the program runs.
import { addFakes } from './registry.ts';

addFakes();
