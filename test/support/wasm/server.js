// A handler of HTTP requests, as a component: answers, asks back, keeps something to itself, and traps when it is told to.
let asked = 0;

addEventListener('fetch', event => event.respondWith(answer(event.request)));

async function answer(request) {
  const { pathname } = new URL(request.url);
  asked += 1;
  console.log(`asked for ${pathname}`);
  if (pathname === '/echo') return new Response(await request.text(), { status: 201, headers: { 'x-method': request.method } });
  if (pathname === '/count') return new Response(String(asked));
  if (pathname === '/large') return new Response('x'.repeat(1_000_000));
  if (pathname.startsWith('/out/')) return out(`http://127.0.0.1:${pathname.slice(5)}/`);
  if (pathname === '/trap') for (const held = []; ; ) held.push(new Uint8Array(1 << 28).fill(1));
  return new Response('hello\n');
}

async function out(address) {
  try {
    return new Response(`reached ${await (await fetch(address)).text()}`);
  } catch {
    return new Response('refused', { status: 502 });
  }
}
