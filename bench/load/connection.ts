// SPDX-License-Identifier: Apache-2.0
// One keep-alive HTTP/1.1 connection that sends the same bytes again and again, one request in flight.
import { connect, type Socket } from "node:net";

export class Connection {
  private readonly socket: Socket;
  private readonly request: Buffer;
  onReply: (due: number, ok: boolean) => void = () => {};
  /** When the request in flight was due; undefined: none is. */
  pendingSince: number | undefined;
  private head = "";
  private status = 0;
  private missing = -1; // bytes of the body still to come; -1: the head is not complete

  private constructor(socket: Socket, request: Buffer) {
    this.socket = socket;
    this.request = request;
    socket.on("data", (chunk) => this.receive(chunk));
    socket.on("error", () => {});
    socket.on("close", () => this.finish(false));
  }

  static open(host: string, port: number, request: Buffer): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Connection(socket, request));
      });
    });
  }

  get usable(): boolean {
    return !this.socket.destroyed;
  }

  /** `due`: handed back to onReply with the answer. */
  send(due: number): void {
    this.pendingSince = due;
    this.socket.write(this.request);
  }

  private receive(chunk: Buffer): void {
    let body = chunk.length;
    if (this.missing < 0) {
      const before = this.head.length;
      this.head += chunk.toString("latin1");
      const end = this.head.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.readHead(this.head.slice(0, end));
      body = before + chunk.length - (end + 4);
    }
    this.missing -= body;
    if (this.missing === 0) this.finish(this.status === 200);
  }

  private readHead(head: string): void {
    const length = /\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) throw new Error(`the reply has no Content-Length:\n${head}`);
    this.status = Number(head.slice(9, 12));
    this.missing = Number(length);
  }

  private finish(ok: boolean): void {
    const due = this.pendingSince;
    if (due === undefined) return;
    this.pendingSince = undefined;
    this.head = "";
    this.missing = -1;
    this.onReply(due, ok);
  }
}
