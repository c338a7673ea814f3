// SPDX-License-Identifier: BSL-1.0
// Claim and release in Node, with as many loops at once as there would be threads:
// node cycle.js cueball|generic-pool THREADS CONNECTIONS MILLISECONDS
'use strict';

const { EventEmitter } = require('events');
const fs = require('fs');

const [which, threads, connections, milliseconds] = process.argv.slice(2).map((given, i) => (i ? Number(given) : given));

// Each gives a function that claims, calls what it was given with another one that releases.
const pools = {
  'cueball': (ready) => {
    const cueball = require('cueball');
    const quiet = require('bunyan').createLogger({ name: 'bench', level: 'fatal' });
    const resolver = new cueball.StaticIpResolver({
      backends: [1, 2, 3, 4].map((port) => ({ address: '127.0.0.1', port })),
    });
    const recovery = { default: { timeout: 2000, retries: 3, delay: 100, maxDelay: 1000 } };
    const pool = new cueball.ConnectionPool({
      domain: 'bench', resolver, recovery, log: quiet, spares: connections, maximum: connections,
      constructor: () => {
        const connection = new EventEmitter();
        connection.destroy = () => {};
        setImmediate(() => connection.emit('connect'));
        return connection;
      },
    });
    resolver.start();
    const wait = () => (pool.getStats().idleConnections >= connections ? ready() : setTimeout(wait, 5));
    wait();
    return (then) => pool.claim({}, (error, handle) => {
      if (error) throw error;
      then(() => handle.release());
    });
  },

  'generic-pool': (ready) => {
    const pool = require('generic-pool').createPool(
      { create: async () => ({}), destroy: async () => {} }, { min: connections, max: connections });
    pool.ready().then(ready);
    return (then) => pool.acquire().then((held) => then(() => pool.release(held)));
  },
};

function moment(cycles) {
  const ticks = fs.readFileSync('/proc/stat', 'utf8').split('\n')[0].trim().split(/ +/).slice(1, 9).map(Number);
  const { user, system } = process.cpuUsage();
  return {
    cycles, at: process.hrtime.bigint(), own: (user + system) / 1e4,
    all: ticks.reduce((sum, one) => sum + one, 0), idle: ticks[3] + ticks[4],
  };
}

let cycles = 0;

function run() {
  const loop = () => claim((release) => {
    cycles += 1;
    release();
    // A promise does not let timers run; now and then they have to.
    if (cycles % 256 === 0) setImmediate(loop);
    else loop();
  });
  for (let i = 0; i < threads; ++i) loop();
  setTimeout(() => {
    const before = moment(cycles);
    setTimeout(() => {
      const after = moment(cycles);
      const passed = after.all - before.all;
      const foreign = passed - (after.idle - before.idle) - (after.own - before.own);
      const ns = Number(after.at - before.at) / (after.cycles - before.cycles);
      console.log(`ns=${ns.toFixed(1)} foreign=${(Math.max(0, foreign) / (passed || 1)).toFixed(4)}`);
      process.exit(0);
    }, milliseconds);
  }, Math.max(2 * milliseconds, 300));
}

const claim = pools[which](run);
