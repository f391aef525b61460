// The process in which one component runs, as a program or as a server.
import { runCommand, trapOf } from '../inside/command.ts';
import { answer, takeOrders } from '../inside/line.ts';
import { Orders, type ServeOrders } from '../inside/orders.ts';
import { serve } from '../inside/server.ts';

const orders = takeOrders(Orders);
if (orders.kind === 'run') runCommand(orders);
else beginServing(orders);

function beginServing(asked: ServeOrders): void {
  try {
    serve(asked);
    answer({ kind: 'ready' });
  } catch (error) {
    console.error(trapOf(error));
    process.exit(1);
  }
}
