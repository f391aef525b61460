// A process that owns a guest and then only waits: `owner.fixture.ts <mark> [before|after]`, killed by its test.
import { bubblewrap } from '../../server/backends/bubblewrap/index.ts';
import { makeBench } from '../contract/bench.ts';

const [mark = '', when = 'after'] = process.argv.slice(2);
const bench = await makeBench(bubblewrap);
process.stdout.write(`${bench.folder}\n`);
if (when === 'before') process.stdout.write('starting\n');
const { guest } = await bench.start({ name: `owner-${mark}`, limits: { pids: 100 } });
await guest.exec({
  argv: ['/bin/sh', '-c', `setsid nohup sleep ${mark} & trap '' TERM HUP INT; sleep ${mark}; sleep ${mark}`],
});
process.stdout.write('running\n');
setInterval(() => {}, 1_000_000);
