// relay.mjs LISTEN_PORT TARGET_PORT late|skewed   TCP to 127.0.0.1:TARGET_PORT, with one fault:
//   late     what the gateway sends after its 101 comes a second late
//   skewed   the gateway's clock, in its first frame, is a day behind
// Prints `listening` once it does.
import net from 'node:net';

const [listen, target, fault] = process.argv.slice(2);
net.createServer(client => {
    const gateway = net.connect(Number(target), '127.0.0.1');
    for (const [one, other] of [[client, gateway], [gateway, client]]) { one.on('error', () => other.destroy()); one.on('close', () => other.destroy()); }
    client.pipe(gateway);
    let opened = false;
    gateway.on('data', chunk => {
        const head = opened ? -1 : chunk.indexOf('\r\n\r\n');
        if (!opened && chunk.includes('HTTP/1.1 101') && head >= 0) {
            opened = true;
            client.write(chunk.subarray(0, head + 4));
            chunk = chunk.subarray(head + 4);
        }
        if (!opened || fault !== 'late') client.write(fault === 'skewed' ? skewed(chunk) : chunk);
        else setTimeout(() => client.write(chunk), 1000);
    });
}).listen(Number(listen), '127.0.0.1', () => console.log('listening'));

// The same number of digits, so that the frame keeps its length.
function skewed(chunk) {
    const text = chunk.toString('latin1').replace(/"ts":(\d{13})/, (_, ts) => `"ts":${Number(ts) - 86400000}`);
    return Buffer.from(text, 'latin1');
}
