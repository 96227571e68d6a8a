#!/usr/bin/env node
// Starts frontgate: the program is in a package of its own for each platform, and npm installs the one that fits.
"use strict";

const fs = require("node:fs");
const { spawn } = require("node:child_process");

const platform = `${process.platform}-${process.arch}`;
const name = `@frontgate/${platform}`;

function say(text) {
  // Not process.stderr, which would leave the descriptor in another mode for the program.
  fs.writeSync(2, `frontgate: ${text}\n`);
}

function program() {
  const file = process.platform === "win32" ? "frontgate.exe" : "frontgate";
  try {
    const found = require.resolve(`${name}/bin/${file}`);
    fs.accessSync(found, fs.constants.X_OK);
    return found;
  } catch (error) {
    if (error.code === "EACCES") {
      say(`${name} is installed, but its program may not be run: ${error.path}`);
      return undefined;
    }
  }
  const all = Object.keys(require("./package.json").optionalDependencies).map((each) => each.slice("@frontgate/".length));
  if (!all.includes(platform)) {
    say(`there is no program for ${platform} on npm, only for ${all.join(", ")}`);
  } else {
    say(
      `the package ${name} is missing, which has the program for this platform.\n` +
        "    why: npm leaves it out with --omit=optional, and when node_modules comes from another kind of machine\n" +
        "    fix: install again here, for example: npm install -g --include=optional frontgate",
    );
  }
  return undefined;
}

function main() {
  const found = program();
  if (!found) {
    process.exitCode = 1;
    return;
  }
  const args = process.argv.slice(2);
  if (typeof process.execve === "function" && process.platform !== "win32") {
    // The program takes this process's place: signals, exit code, terminal and all. Node calls it experimental, which is no
    // news for a user.
    process.removeAllListeners("warning");
    process.execve(found, [found, ...args], process.env);
  }
  beside(found, args);
}

// Before Node 22.15: the program runs as a child.
function beside(found, args) {
  const child = spawn(found, args, { stdio: "inherit" });
  const passOn = (signal) => child.kill(signal);
  // At a terminal the kernel sends these to all of its foreground processes; a second one would mean something else.
  const atTerminal = [0, 1, 2].some((descriptor) => require("node:tty").isatty(descriptor));
  const listeners = new Map();
  for (const signal of ["SIGINT", "SIGQUIT", "SIGHUP", "SIGTERM", "SIGUSR2"]) {
    const twice = atTerminal && ["SIGINT", "SIGQUIT", "SIGHUP"].includes(signal);
    listeners.set(signal, twice ? () => {} : passOn);
    process.on(signal, listeners.get(signal));
  }
  child.on("error", (error) => {
    say(`${found} cannot be started: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal) {
      // Ends by the same signal, so that a shell sees what has happened.
      for (const [each, listener] of listeners) process.removeListener(each, listener);
      process.kill(process.pid, signal);
    } else {
      process.exit(code);
    }
  });
}

main();
