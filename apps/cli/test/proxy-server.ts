import { once } from 'node:events';
import { createServer, request as ask, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { type Duplex, pipeline } from 'node:stream';

/** A forward proxy on this machine, for plain requests and for tunnels. */
export class ProxyServer {
  /** Addresses of the requests, and `host:port` of the tunnels, that went through. */
  readonly requests: string[] = [];
  readonly tunnels: string[] = [];
  /** The last `Proxy-Authorization`. */
  authorization: string | undefined;
  /** What tunnels are answered with; 200 opens them. */
  tunnelStatus = 200;
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();

  constructor() {
    this.#server = createServer((request, response) => {
      const { 'proxy-authorization': authorization, ...headers } = request.headers;
      this.authorization = authorization;
      this.requests.push(request.url ?? '');
      const forwarded = ask(request.url ?? '', { method: request.method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        // An answer that breaks off does so for the one who asked, too.
        pipeline(answer, response, () => {});
      });
      forwarded.on('error', () => response.writeHead(502).end());
      request.pipe(forwarded);
    });
    this.#server.on('connect', (request, socket) => {
      this.#sockets.add(socket);
      this.authorization = request.headers['proxy-authorization'];
      this.tunnels.push(request.url ?? '');
      if (this.tunnelStatus !== 200) {
        socket.end(`HTTP/1.1 ${this.tunnelStatus} Refused\r\n\r\n`);
        return;
      }
      const [host = '', port = ''] = (request.url ?? '').split(':');
      const target = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        target.pipe(socket).pipe(target);
      });
      target.on('error', () => socket.destroy());
      socket.on('error', () => target.destroy());
    });
  }

  static async start(): Promise<ProxyServer> {
    const proxy = new ProxyServer();
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }
}
