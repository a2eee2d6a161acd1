#!/usr/bin/env node
// The command `throughline`. Kept to syntax that any Node understands, so that an old one can say what it lacks.
var version = process.versions.node.split('.').map(Number);
if (version[0] < 22 || (version[0] === 22 && version[1] < 22)) {
  process.stderr.write('Throughline needs Node.js 22.22 or newer; this is ' + process.version + '.\n');
  process.exit(1);
}
var fs = require('node:fs');
var path = require('node:path');
var source = path.join(__dirname, '..', 'src', 'cli', 'main.ts');
if (fs.existsSync(source) && __dirname.indexOf(path.sep + 'node_modules' + path.sep) === -1) {
  // In the repository the packages run from their sources: resolve the export condition `throughline-source` first.
  require('node:module').registerHooks({
    resolve: function (specifier, context, next) {
      return next(specifier, Object.assign({}, context, { conditions: ['throughline-source'].concat(context.conditions) }));
    },
  });
  void import(require('node:url').pathToFileURL(source).href);
} else {
  void import('../dist/cli/main.js');
}
