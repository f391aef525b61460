// The process in which one component runs, as a program or as a server.
import { runCommand } from '../inside/command.ts';
import { answer, takeOrders } from '../inside/line.ts';
import { Orders } from '../inside/orders.ts';
import { serve } from '../inside/server.ts';

const orders = takeOrders(Orders);
if (orders.kind === 'run') runCommand(orders);
else {
  serve(orders);
  answer({ kind: 'ready' });
}
