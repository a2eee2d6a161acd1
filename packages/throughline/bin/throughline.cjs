#!/usr/bin/env node
// The command `throughline`. Kept to syntax that any Node understands, so that an old one can say what it lacks.
var version = process.versions.node.split('.').map(Number);
if (version[0] < 22 || (version[0] === 22 && version[1] < 22)) {
  process.stderr.write('Throughline needs Node.js 22.22 or newer; this is ' + process.version + '.\n');
  process.exit(1);
}
// Until a verb begins (src/engine-flags.ts).
var v8 = require('node:v8');
v8.setFlagsFromString('--no-opt');
v8.setFlagsFromString('--no-maglev');
var fs = require('node:fs');
var path = require('node:path');
var nodeModule = require('node:module');
var sep = path.sep + 'node_modules' + path.sep;
var installedAt = __dirname.lastIndexOf(sep);
var source = path.join(__dirname, '..', 'src', 'cli', 'main.ts');
if (installedAt === -1 && fs.existsSync(source)) {
  // In the repository the packages run from their sources: resolve the export condition `throughline-source` first.
  nodeModule.enableCompileCache(path.join(__dirname, '..', '..', '..', 'node_modules', '.cache', 'throughline'));
  nodeModule.registerHooks({
    resolve: function (specifier, context, next) {
      return next(
        specifier,
        Object.assign({}, context, { conditions: ['throughline-source'].concat(context.conditions) }),
      );
    },
  });
  void import(require('node:url').pathToFileURL(source).href);
} else {
  nodeModule.enableCompileCache(path.join(__dirname.slice(0, installedAt), sep, '.cache', 'throughline'));
  void import('../dist/cli/main.js');
}
