// server.mjs    an MCP server with one tool that shows an app (ui://show/app.html), over standard input and output
import { createInterface } from 'node:readline';
const html = '<!doctype html><title>app</title><h1 id="app">an app</h1><script>document.getElementById("app").textContent = "an app that runs in " + (origin === "null" ? "no origin" : origin);</script>';
const tool = { name: 'show', description: 'Shows the app.', inputSchema: { type: 'object', properties: {} }, _meta: { ui: { resourceUri: 'ui://show/app.html' }, 'ui/resourceUri': 'ui://show/app.html' } };
const resource = { uri: 'ui://show/app.html', name: 'app', mimeType: 'text/html;profile=mcp-app' };
const answers = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {}, resources: {} }, serverInfo: { name: 'show', version: '1' } }),
  ping: () => ({}),
  'tools/list': () => ({ tools: [tool] }),
  'tools/call': () => ({ content: [{ type: 'text', text: 'shown' }] }),
  'resources/list': () => ({ resources: [resource] }),
  'resources/templates/list': () => ({ resourceTemplates: [] }),
  'resources/read': () => ({ contents: [{ ...resource, text: html }] }),
};
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) continue;
  const answer = answers[method] ? { result: answers[method](params ?? {}) } : { error: { code: -32601, message: 'no such method' } };
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...answer })}\n`);
}
