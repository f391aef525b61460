// Which proxy the environment names for an address, by the variables that other programs obey.

/** Undefined when the address is reached directly. */
export function proxyFor(url: URL, env: NodeJS.ProcessEnv): URL | undefined {
  if (isExcepted(url, variable(env, 'no_proxy'))) return undefined;
  const own = variable(env, url.protocol === 'https:' ? 'https_proxy' : 'http_proxy');
  const named = own ?? variable(env, 'all_proxy');
  if (named === undefined) return undefined;
  const address = /^[a-z0-9+]+:\/\//i.test(named) ? named : `http://${named}`;
  return URL.canParse(address) && /^https?:/.test(address) ? new URL(address) : undefined;
}

/** What stands before the @ of the proxy's address, as its header wants it. */
export function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {};
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}

function variable(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[name] ?? env[name.toUpperCase()];
  return value === undefined || value.trim() === '' ? undefined : value.trim();
}

function isExcepted({ hostname, port }: URL, exceptions: string | undefined): boolean {
  const patterns = (exceptions ?? '').split(/[\s,]+/).filter(pattern => pattern !== '');
  return patterns.some(pattern => {
    if (pattern === '*') return true;
    const [host = '', onPort] = pattern.toLowerCase().split(':');
    if (onPort !== undefined && onPort !== port) return false;
    const bare = host.replace(/^\*?\./, '');
    return hostname === bare || hostname.endsWith(`.${bare}`);
  });
}
