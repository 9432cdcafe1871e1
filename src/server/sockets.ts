// SPDX-License-Identifier: Apache-2.0
// WebSocket faces of the routes that predict.
import uWS, { type HttpRequest, type HttpResponse, type TemplatedApp, type us_socket_context_t } from "uWebSockets.js";
import { OrtserveError } from "../errors.js";
import type { ServerContext } from "./context.js";
import { checkOrigin } from "./origin.js";
import { Reply } from "./reply.js";
import { readHead } from "./request-head.js";
import { countParams, type InferenceRoute, keptParams } from "./routes.js";
import { type SocketData, SocketSession } from "./socket-session.js";

/** Seconds without a message after which the peer is pinged, and closed when it does not answer. */
const idleSeconds = 120;

/** Sessions that are open; the caller ends them on shutdown. */
export function installSockets(
  app: TemplatedApp,
  context: ServerContext,
  routes: readonly InferenceRoute[],
): ReadonlySet<SocketSession> {
  const sessions = new Set<SocketSession>();
  const { bodyLimit, socketBacklog } = context.settings;
  for (const route of routes.filter(({ socket }) => socket !== false)) {
    app.ws<SocketData>(route.pattern, {
      maxPayloadLength: bodyLimit,
      maxBackpressure: socketBacklog,
      closeOnBackpressureLimit: 1,
      idleTimeout: idleSeconds,
      sendPingsAutomatically: true,
      compression: uWS.DISABLED,
      upgrade: (response, request, socketContext) => upgrade(context, route, response, request, socketContext),
      open: (socket) => {
        const { session } = socket.getUserData();
        sessions.add(session);
        session.opened(socket);
      },
      message: (socket, message, isBinary) => socket.getUserData().session.received(message, isBinary),
      close: (socket) => {
        const { session } = socket as unknown as SocketData; // a closed socket's methods throw, its data remains
        sessions.delete(session);
        session.closed();
      },
    });
  }
  return sessions;
}

/** Answers in HTTP when the model is unknown, the page may not ask or the server is going; else the connection becomes a WebSocket. */
function upgrade(
  context: ServerContext,
  route: InferenceRoute,
  response: HttpResponse,
  request: HttpRequest,
  socketContext: us_socket_context_t,
): void {
  const head = readHead(request);
  const reply = new Reply(context, response, head, "GET", route.pattern);
  try {
    if (head.fault) throw head.fault;
    checkOrigin(context, head.origin, request);
    if (context.draining) throw new OrtserveError("ERR_SHUTTING_DOWN", "Server exiting");
    const params = keptParams(request, countParams(route.pattern));
    const session = new SocketSession(context, route, params, head.timeoutMs);
    const header = (name: string) => request.getHeader(`sec-websocket-${name}`);
    const keys = [header("key"), header("protocol"), header("extensions")] as const;
    reply.release()?.upgrade<SocketData>({ session }, ...keys, socketContext);
  } catch (error) {
    reply.sendThrown(error);
  }
}
