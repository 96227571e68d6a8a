// model.mjs PORT    a model that calls the tool `show` when it is there, and then says that it is done (OpenAI's chat completions, streamed)
import http from 'node:http';
const server = http.createServer(async (request, response) => {
  let text = ''; for await (const part of request) text += part;
  console.log(request.method, request.url, text.length);
  if (!request.url.endsWith('/chat/completions')) { response.setHeader('Content-Type', 'application/json'); response.end('{"data":[{"id":"actor","object":"model"}],"object":"list"}'); return; }
  const { messages, tools = [], stream } = JSON.parse(text);
  const name = tools.map(tool => tool.function?.name).find(name => /show$/.test(name ?? ''));
  const done = messages.some(message => message.role === 'tool');
  console.log('tools', tools.map(tool => tool.function?.name).join(' '), 'done', done);
  const message = name && !done ? { role: 'assistant', tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name, arguments: '{}' } }] } : { role: 'assistant', content: 'It is shown.' };
  const finish_reason = message.tool_calls ? 'tool_calls' : 'stop', base = { id: 'c1', created: 1, model: 'actor' };
  if (!stream) { response.setHeader('Content-Type', 'application/json'); response.end(JSON.stringify({ ...base, object: 'chat.completion', choices: [{ index: 0, message, finish_reason }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } })); return; }
  response.setHeader('Content-Type', 'text/event-stream');
  for (const choice of [{ index: 0, delta: message, finish_reason: null }, { index: 0, delta: {}, finish_reason }]) response.write(`data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', choices: [choice] })}\n\n`);
  response.end('data: [DONE]\n\n');
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening'));
